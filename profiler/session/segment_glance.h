// SPDX-License-Identifier: Apache-2.0
// Which recording a file belongs to, and its place in it, from its first chunks: for whoever looks
// for the files of a split recording in a folder. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "profiler/session/format.h"

namespace terrace::session {

/// What a file's beginning tells, of the process that it begins with.
struct SegmentGlance {
  SegmentRecord segment;
  std::uint32_t pid = 0;
  std::uint64_t process_start_ns = 0;
};
/// Nothing: it is no session, cannot be read, or is not of a split recording. Reads a chunk or two.
std::optional<SegmentGlance> glance_at_segment(const std::string& path);

}  // namespace terrace::session
