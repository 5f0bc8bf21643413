// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/console.h"

#include <unistd.h>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace terrace::os {

void message(const char* format, ...) {
  const int saved = errno;
  char line[512] = "terrace: ";
  constexpr int kPrefix = 9;
  va_list arguments;
  va_start(arguments, format);
  int length = std::vsnprintf(line + kPrefix, sizeof line - kPrefix - 1, format, arguments);
  va_end(arguments);
  if (length < 0) length = 0;
  length += kPrefix;
  if (length > static_cast<int>(sizeof line) - 2) length = static_cast<int>(sizeof line) - 2;
  line[length] = '\n';
  // Nothing can be done when stderr is closed; the program goes on.
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, line, static_cast<std::size_t>(length) + 1);
  errno = saved;
}

}  // namespace terrace::os
