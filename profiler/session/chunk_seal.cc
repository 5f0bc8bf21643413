// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/chunk_seal.h"

#include <zlib.h>

namespace terrace::session {
namespace {

std::uint32_t crc_of(const ChunkHeader& chunk, const std::byte* payload) {
  uLong crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(&chunk), offsetof(ChunkHeader, crc32));
  // Without bytes zlib would start anew where a null pointer is given.
  if (chunk.payload_bytes > 0) {
    crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(payload), chunk.payload_bytes);
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace

bool intact(const ChunkHeader& chunk, const std::byte* payload) {
  return crc_of(chunk, payload) == chunk.crc32;
}

ChunkHeader sealed(ChunkKind kind, const std::byte* payload, std::uint32_t size) {
  ChunkHeader chunk{static_cast<std::uint32_t>(kind), size, 0, 0};
  chunk.crc32 = crc_of(chunk, payload);
  return chunk;
}

}  // namespace terrace::session
