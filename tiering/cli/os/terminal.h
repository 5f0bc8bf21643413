// SPDX-License-Identifier: Apache-2.0
// Is somebody watching? Decides about hints and progress. Thread-safe, never allocates.
#pragma once

namespace terrace::cli::os {

bool standard_error_is_terminal();

}  // namespace terrace::cli::os
