// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <initializer_list>

namespace terrace::cli::os {

bool standard_error_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

bool standard_output_is_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}

int output_columns(int otherwise) {
  winsize size = {};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : otherwise;
}

bool output_takes_colour() {
  const char* const refused = getenv("NO_COLOR");
  if (refused != nullptr && refused[0] != '\0') return false;
  const char* const terminal = getenv("TERM");
  if (terminal == nullptr || strcmp(terminal, "dumb") == 0) return false;
  return standard_output_is_terminal();
}

bool output_takes_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = getenv(name);
    if (value == nullptr || value[0] == '\0') continue;
    return strcasestr(value, "utf-8") != nullptr || strcasestr(value, "utf8") != nullptr;
  }
  return false;
}

}  // namespace terrace::cli::os
