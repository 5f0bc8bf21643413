// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/packed_chunk.h"

#include <zstd.h>

#include <cstring>

namespace terrace::session {
namespace {

// zstd's default. Counts are small numbers at even distances, and higher levels gain little.
constexpr int kLevel = 3;

}  // namespace

std::optional<std::vector<std::byte>> pack(const std::vector<std::byte>& chunks) {
  if (chunks.size() > UINT32_MAX) return std::nullopt;
  std::vector<std::byte> payload(sizeof(PackedRecord) + ZSTD_compressBound(chunks.size()));
  const std::size_t frame =
      ZSTD_compress(payload.data() + sizeof(PackedRecord), payload.size() - sizeof(PackedRecord),
                    chunks.data(), chunks.size(), kLevel);
  if (ZSTD_isError(frame) != 0) return std::nullopt;
  const std::size_t least = (chunks.size() + kMaxPackRatio - 1) / kMaxPackRatio;
  payload.resize(sizeof(PackedRecord) + frame);
  if (payload.size() < least) payload.resize(least);
  if (payload.size() >= chunks.size() || payload.size() > kMaxChunkBytes) return std::nullopt;
  const PackedRecord record{static_cast<std::uint32_t>(chunks.size()),
                            static_cast<std::uint32_t>(frame)};
  std::memcpy(payload.data(), &record, sizeof record);
  return payload;
}

std::optional<std::vector<std::byte>> unpack(const std::byte* payload, std::size_t size) {
  PackedRecord record;
  if (size < sizeof record) return std::nullopt;
  std::memcpy(&record, payload, sizeof record);
  if (record.frame_bytes > size - sizeof record || record.plain_bytes / kMaxPackRatio > size) {
    return std::nullopt;
  }
  std::vector<std::byte> plain(record.plain_bytes);
  const std::size_t got =
      ZSTD_decompress(plain.data(), plain.size(), payload + sizeof record, record.frame_bytes);
  if (ZSTD_isError(got) != 0 || got != plain.size()) return std::nullopt;
  return plain;
}

}  // namespace terrace::session
