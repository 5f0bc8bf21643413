// SPDX-License-Identifier: Apache-2.0
// One line on stderr from code that may not allocate. Thread-safe: a line is one write(2). Keeps
// errno.
#pragma once

namespace terrace::os {

/// printf's rules; "terrace: " goes before, a newline after; cut at 512 bytes.
void message(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace terrace::os
