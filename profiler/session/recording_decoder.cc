// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/recording_decoder.h"

#include "profiler/session/process_chunk.h"

namespace terrace::session {
namespace {

// More than a machine runs at once; each takes memory that a forged file should not ask for.
constexpr std::size_t kMostProcesses = 1u << 16;

}  // namespace

RecordingDecoder::RecordingDecoder(Recording& recording) : recording_(recording) {
  Session& first = recording.processes.front();
  decoders_.emplace_back(first);
  place_of_.emplace(Identity{first.header.pid, first.header.start_monotonic_ns}, 0);
}

Decoded RecordingDecoder::decode(ChunkKind kind, const std::byte* payload, std::size_t size) {
  if (kind == ChunkKind::kProcess) return process(payload, size);
  return decoders_[current_].decode(kind, payload, size);
}

Decoded RecordingDecoder::process(const std::byte* payload, std::size_t size) {
  const std::optional<ProcessFacts> facts = decode_process(payload, size);
  if (!facts || recording_.processes.size() == kMostProcesses) return Decoded::kMalformed;
  const auto [at, is_new] = place_of_.emplace(
      Identity{facts->record.pid, facts->record.start_monotonic_ns}, decoders_.size());
  current_ = at->second;
  if (!is_new) {
    describe(recording_.processes[current_], *facts);
    return Decoded::kTaken;
  }
  recording_.processes.push_back(session_of(*facts, recording_.processes.front().header));
  decoders_.emplace_back(recording_.processes.back());
  return Decoded::kTaken;
}

}  // namespace terrace::session
