// SPDX-License-Identifier: Apache-2.0
// Packed session files for tests, made of plain ones with zstd and zlib alone: a second opinion on
// what the packer writes. Allocates; thread-safe.
#pragma once

#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "tests/unit/session/session_builder.h"

namespace terrace::session {

/// The payload of a packed chunk, whatever `chunks` is.
inline std::string packed_payload(const std::string& chunks) {
  // A context of its own for each frame took longer than the frame: most of a megabyte, laid out
  // anew.
  static thread_local const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(
      ZSTD_createCCtx(), &ZSTD_freeCCtx);
  std::string frame(ZSTD_compressBound(chunks.size()), '\0');
  frame.resize(ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), chunks.data(),
                                 chunks.size(), 1));
  const PackedRecord record{static_cast<std::uint32_t>(chunks.size()),
                            static_cast<std::uint32_t>(frame.size())};
  std::string payload(reinterpret_cast<const char*>(&record), sizeof record);
  payload += frame;
  payload.resize(std::max(payload.size(), chunks.size() / kMaxPackRatio + 1));
  return payload;
}

/// `plain` as a packed session: chunks go together until `batch` bytes are there. A torn tail goes
/// into the last one.
inline std::string packed_session(const std::string& plain, std::size_t batch) {
  const std::size_t header_bytes = sizeof(FileHeader);
  std::string packed = plain.substr(0, header_bytes);
  std::memcpy(packed.data() + offsetof(FileHeader, schema_version), &kPackedSchema,
              sizeof kPackedSchema);
  for (std::size_t at = header_bytes; at < plain.size();) {
    std::size_t end = at;
    while (end < plain.size() && end - at < batch) {
      ChunkHeader chunk{};
      std::memcpy(&chunk, plain.data() + end, std::min(sizeof chunk, plain.size() - end));
      end = std::min(end + sizeof chunk + chunk.payload_bytes, plain.size());
    }
    SessionBuilder sealed;
    sealed.raw_chunk(static_cast<std::uint32_t>(ChunkKind::kPacked),
                     packed_payload(plain.substr(at, end - at)));
    packed += sealed.bytes().substr(header_bytes);
    at = end;
  }
  return packed;
}

}  // namespace terrace::session
