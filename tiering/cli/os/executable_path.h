// SPDX-License-Identifier: Apache-2.0
// Where this executable lies, to find what was installed beside it. Thread-safe; allocates.
#pragma once

#include <string>

namespace terrace::cli::os {

/// Empty when /proc cannot tell.
std::string executable_path();

/// Can this user read the file?
bool readable(const std::string& path);

}  // namespace terrace::cli::os
