// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/segment_glance.h"

#include <cstddef>
#include <cstring>
#include <vector>

#include "profiler/session/packed_chunk.h"
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
  if (kind != ChunkKind::kSegment || size < sizeof glance.segment) return false;
  std::memcpy(&glance.segment, payload, sizeof glance.segment);
  return glance.pid != 0;
}

bool glance_at_packed(const std::vector<std::byte>& plain, SegmentGlance& glance) {
  for (std::size_t at = 0; plain.size() - at >= sizeof(ChunkHeader);) {
    ChunkHeader chunk;
    std::memcpy(&chunk, plain.data() + at, sizeof chunk);
    at += sizeof chunk;
    if (chunk.payload_bytes > plain.size() - at) return false;
    if (glance_at_chunk(static_cast<ChunkKind>(chunk.kind), plain.data() + at, chunk.payload_bytes,
                        glance)) {
      return true;
    }
    at += chunk.payload_bytes;
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
