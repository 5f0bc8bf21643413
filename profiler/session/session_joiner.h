// SPDX-License-Identifier: Apache-2.0
// Makes one session of those that the processes of a program wrote, each its own: last step of a
// recording, in the parent. The new file stands whole in its place or not at all; the others are
// left to the caller. Not thread-safe for one path; allocates, a chunk at a time.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::session {

struct JoinResult {
  Bytes before;  ///< of the files together
  Bytes after;
  std::vector<std::string> torn;  ///< files that do not end with a whole chunk; the rest was taken
  std::vector<std::string> left;  ///< files of which nothing could be used, each with the reason
};

/// Writes schema 3 (schema 2 when only one file can be used), the first file's process first. Of a
/// torn file everything up to its last whole chunk is taken. Nobody may write to the files any
/// more. Errors: kIo when `to` cannot be written, kUsage when none of the files can be used.
Result<JoinResult> join_sessions(const std::vector<std::string>& files, const std::string& to);

}  // namespace terrace::session
