// SPDX-License-Identifier: Apache-2.0
// Gives each chunk to the process whose it is: the reader's step between finding chunks and
// understanding them (session_decoder.h). Numbers of objects, tiers and modules are a process's
// own, so that nothing of one reaches another. One per recording, not thread-safe; allocates.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <utility>

#include "profiler/session/session_decoder.h"

namespace terrace::session {

class RecordingDecoder {
 public:
  /// `recording` holds the process of the file's header and outlives this.
  explicit RecordingDecoder(Recording& recording);
  Decoded decode(ChunkKind kind, const std::byte* payload, std::size_t size);

 private:
  Decoded process(const std::byte* payload, std::size_t size);

  using Identity = std::pair<std::uint32_t, std::uint64_t>;  ///< pid, start_monotonic_ns
  Recording& recording_;
  std::deque<SessionDecoder> decoders_;  ///< by place in the recording
  std::map<Identity, std::size_t> place_of_;
  std::size_t current_ = 0;
};

}  // namespace terrace::session
