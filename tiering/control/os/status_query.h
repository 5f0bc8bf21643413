// SPDX-License-Identifier: Apache-2.0
// Asks running programs for their status: the other end of status_socket.h. The answer counts only
// when the kernel attests that it comes from the process that was meant.
// Thread-safe; allocates.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::control::os {

struct Question {
  pid_t pid = 0;
  uid_t owner = 0;                 ///< the answer is his, or root's
  std::vector<std::string> names;  ///< to try, from status_names()
  std::string command = {};        ///< empty: its status
};

/// For each question its answer, a JSON document, or nothing when none came within `patience`
/// (that much for every eight questions). Error kIo: no socket could be had.
Result<std::vector<std::optional<std::string>>> ask(const std::vector<Question>& questions,
                                                    Nanoseconds patience);

}  // namespace terrace::control::os
