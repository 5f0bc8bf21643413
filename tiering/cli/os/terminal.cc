// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/terminal.h"

#include <unistd.h>

namespace terrace::cli::os {

bool standard_error_is_terminal() {
  return ::isatty(STDERR_FILENO) == 1;
}

}  // namespace terrace::cli::os
