// SPDX-License-Identifier: Apache-2.0
// A split recording is a row of files, its segments, each of which holds what lived when it began
// (format.h, SegmentRecord; docs/adr/0040). Here one of them is made a recording of its own, or all
// of them one recording, as it would have been without a split. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/session_reader.h"

namespace terrace::session {

/// Lets the recording of a later segment begin where its file does: times, births and order of
/// objects are those of the stretch. One that is not of a split recording, or its first, stays.
void stand_alone(Recording& recording);

struct SegmentFile {
  std::string path;  ///< for messages
  Recording recording;
};

struct WholeRecording {
  Recording recording;
  /// What is not in it, and what to do about it, a sentence each: missing or damaged files.
  std::vector<std::string> gaps;
};

/// One recording of its files, in any order. What lies in files that are missing is left out: the
/// recording says so in `gaps`, and begins with the first file that is there. Errors kUsage: no
/// files, one that is not of a split recording or of another one than the first, two that hold the
/// same stretch, or whose tiers or sizes of objects differ.
Result<WholeRecording> join_segments(std::vector<SegmentFile> files);

}  // namespace terrace::session
