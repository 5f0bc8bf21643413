// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/whole_chunks.h"

#include <cerrno>
#include <cstring>
#include <optional>

#include "profiler/session/chunk_seal.h"
#include "profiler/session/packed_chunk.h"

namespace terrace::session {
namespace {

// A torn packed file is read up to its last whole chunk, so this is what a tear may cost.
constexpr std::size_t kBatchBytes = 1u << 20;

}  // namespace

Result<ChunkFile> open_chunks(const std::string& path) {
  ChunkFile from;
  from.file.reset(std::fopen(path.c_str(), "rbe"));
  if (!from.file) {
    const int why = errno;
    return make_error(ErrorCode::kIo, why, "%s: cannot be read: %s", path.c_str(),
                      std::strerror(why));
  }
  FileHeader& header = from.header;
  const Error foreign =
      make_error(ErrorCode::kUsage, 0, "%s is no whole session file", path.c_str());
  if (std::fread(&header, 1, sizeof header, from.file.get()) < sizeof header ||
      std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
      header.header_bytes < sizeof header || header.header_bytes > kMaxChunkBytes) {
    return foreign;
  }
  from.more_header.resize(header.header_bytes - sizeof header);
  const std::size_t more = from.more_header.size();
  if (more > 0 && std::fread(from.more_header.data(), 1, more, from.file.get()) < more) {
    return foreign;
  }
  return from;
}

Next read_chunk(std::FILE* file, ChunkHeader& chunk, std::vector<std::byte>& bytes) {
  const std::size_t got = std::fread(&chunk, 1, sizeof chunk, file);
  if (got == 0) return Next::kEndOfFile;
  if (got < sizeof chunk || chunk.payload_bytes > kMaxChunkBytes) return Next::kDamaged;
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof chunk + chunk.payload_bytes);
  std::memcpy(bytes.data() + at, &chunk, sizeof chunk);
  std::byte* const payload = bytes.data() + at + sizeof chunk;
  if (std::fread(payload, 1, chunk.payload_bytes, file) == chunk.payload_bytes &&
      intact(chunk, payload)) {
    return Next::kChunk;
  }
  bytes.resize(at);
  return Next::kDamaged;
}

Status write_header(const ChunkFile& from, std::uint32_t schema, os::ReplacementFile& to) {
  FileHeader header = from.header;
  header.schema_version = schema;
  if (const Status written = to.write(&header, sizeof header); !written) return written;
  return to.write(from.more_header.data(), from.more_header.size());
}

Status ChunkBatch::write() {
  const std::optional<std::vector<std::byte>> packed = pack(bytes_);
  Status written = ok_status();
  if (packed) {
    const ChunkHeader chunk =
        sealed(ChunkKind::kPacked, packed->data(), static_cast<std::uint32_t>(packed->size()));
    written = to_.write(&chunk, sizeof chunk);
    if (written) written = to_.write(packed->data(), packed->size());
  } else {
    written = to_.write(bytes_.data(), bytes_.size());
  }
  bytes_.clear();
  return written;
}

Status ChunkBatch::write_when_full() {
  return bytes_.size() < kBatchBytes ? ok_status() : write();
}

}  // namespace terrace::session
