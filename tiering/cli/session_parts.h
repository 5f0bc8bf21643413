// SPDX-License-Identifier: Apache-2.0
// The files into which the processes of a recorded program write, each its own, until the program
// has ended and one session is made of them: "SESSION.part-TOKEN-PID" beside the session. Used by
// launch(). Not thread-safe; allocates.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace terrace::cli {

class SessionParts {
 public:
  /// None.
  SessionParts() = default;
  /// For the session that `pattern` (session_pattern()) names. The token is random, so that what
  /// another recording left behind is not taken for this one's.
  explicit SessionParts(const std::string& pattern);

  /// What the runtime is told to write to; empty when there are none.
  const std::string& pattern() const { return pattern_; }

  /// Makes the session `path` of what was written, with the process `program` first, and removes
  /// what went into it. Files that are still written to, or that cannot become one, stay where they
  /// are. Says on standard error what is not in the session, and why.
  void collect(const std::string& path, pid_t program) const;

  /// The files that are there.
  std::vector<std::string> written() const;

 private:
  std::string pattern_;
};

}  // namespace terrace::cli
