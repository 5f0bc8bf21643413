// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/segment_glance.h"

#include <cstddef>
#include <vector>

#include "profiler/session/packed_chunk.h"
#include "profiler/session/payload.h"
#include "profiler/session/process_chunk.h"
#include "profiler/session/whole_chunks.h"

namespace terrace::session {
namespace {

/// Takes from plain chunks what they tell of process and segment; true when both are known.
bool glance_at_chunk(ChunkKind kind, const std::byte* payload, std::size_t size,
                     SegmentGlance& glance) {
  if (kind == ChunkKind::kProcess) {
    const std::optional<ProcessFacts> facts = decode_process(payload, size);
    if (!facts) return false;
    glance.pid = facts->record.pid;
    glance.process_start_ns = facts->record.start_monotonic_ns;
  }
  return kind == ChunkKind::kSegment && take(payload, size, glance.segment) && glance.pid != 0;
}

bool glance_at_packed(const std::vector<std::byte>& plain, SegmentGlance& glance) {
  const std::byte* next = plain.data();
  std::size_t left = plain.size();
  ChunkHeader chunk;
  while (take(next, left, chunk) && chunk.payload_bytes <= left) {
    if (glance_at_chunk(static_cast<ChunkKind>(chunk.kind), next, chunk.payload_bytes, glance)) {
      return true;
    }
    next += chunk.payload_bytes;
    left -= chunk.payload_bytes;
  }
  return false;
}

}  // namespace

std::optional<SegmentGlance> glance_at_segment(const std::string& path) {
  const Result<ChunkFile> opened = open_chunks(path);
  if (!opened) return std::nullopt;
  // Process and segment are the first two chunks, packed or not.
  SegmentGlance glance{};
  for (int i = 0; i < 2; ++i) {
    ChunkHeader chunk;
    std::vector<std::byte> bytes;
    if (read_chunk(opened->file.get(), chunk, bytes) != Next::kChunk) return std::nullopt;
    const std::byte* const payload = bytes.data() + sizeof chunk;
    const auto kind = static_cast<ChunkKind>(chunk.kind);
    if (kind == ChunkKind::kPacked) {
      const auto plain = unpack(payload, chunk.payload_bytes);
      if (!plain || !glance_at_packed(*plain, glance)) return std::nullopt;
      return glance;
    }
    if (glance_at_chunk(kind, payload, chunk.payload_bytes, glance)) return glance;
  }
  return std::nullopt;
}

}  // namespace terrace::session
