// SPDX-License-Identifier: Apache-2.0
// The name of this machine, for the names of sessions. Thread-safe; allocates.
#pragma once

#include <string>

namespace terrace::os {

/// Up to the first dot, with what no file name may hold replaced by '-'; "localhost" when the
/// kernel has none.
std::string host_name();

}  // namespace terrace::os
