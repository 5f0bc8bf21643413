// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_packer.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "profiler/os/replacement_file.h"
#include "profiler/session/chunk_seal.h"
#include "profiler/session/packed_chunk.h"

namespace terrace::session {
namespace {

// A torn packed file is read up to its last whole chunk, so this is what a tear may cost.
constexpr std::size_t kBatchBytes = 1u << 20;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

enum class Next { kChunk, kEndOfFile, kDamaged };

/// Appends the next chunk, header and payload, to `batch`.
Next read_chunk(std::FILE* file, ChunkHeader& chunk, std::vector<std::byte>& batch) {
  const std::size_t got = std::fread(&chunk, 1, sizeof chunk, file);
  if (got == 0) return Next::kEndOfFile;
  if (got < sizeof chunk || chunk.payload_bytes > kMaxChunkBytes) return Next::kDamaged;
  const std::size_t at = batch.size();
  batch.resize(at + sizeof chunk + chunk.payload_bytes);
  std::memcpy(batch.data() + at, &chunk, sizeof chunk);
  std::byte* const payload = batch.data() + at + sizeof chunk;
  if (std::fread(payload, 1, chunk.payload_bytes, file) < chunk.payload_bytes) {
    return Next::kDamaged;
  }
  return intact(chunk, payload) ? Next::kChunk : Next::kDamaged;
}

/// What does not get smaller goes over as it is.
Status write_batch(os::ReplacementFile& to, std::vector<std::byte>& batch) {
  const std::optional<std::vector<std::byte>> packed = pack(batch);
  Status written = ok_status();
  if (packed) {
    const ChunkHeader chunk =
        sealed(ChunkKind::kPacked, packed->data(), static_cast<std::uint32_t>(packed->size()));
    written = to.write(&chunk, sizeof chunk);
    if (written) written = to.write(packed->data(), packed->size());
  } else {
    written = to.write(batch.data(), batch.size());
  }
  batch.clear();
  return written;
}

/// All chunks, from the file's place on.
Result<Packing> write_chunks(std::FILE* from, os::ReplacementFile& to) {
  std::vector<std::byte> batch;
  bool closed = false;
  for (;;) {
    ChunkHeader chunk;
    switch (read_chunk(from, chunk, batch)) {
      case Next::kDamaged:
        return Packing::kLeftDamaged;
      case Next::kChunk:
        closed = static_cast<ChunkKind>(chunk.kind) == ChunkKind::kEnd;
        break;
      case Next::kEndOfFile:
        if (!closed) return Packing::kLeftOpen;
        if (const Status written = write_batch(to, batch); !written) return written.error();
        return Packing::kPacked;
    }
    if (batch.size() < kBatchBytes) continue;
    if (const Status written = write_batch(to, batch); !written) return written.error();
  }
}

Status write_header(std::FILE* from, FileHeader header, os::ReplacementFile& to) {
  header.schema_version = kPackedSchema;
  if (const Status written = to.write(&header, sizeof header); !written) return written;
  std::vector<std::byte> rest(header.header_bytes - sizeof header);
  if (std::fread(rest.data(), 1, rest.size(), from) < rest.size()) {
    return make_error(ErrorCode::kIo, 0, "the session's header is cut off");
  }
  return to.write(rest.data(), rest.size());
}

}  // namespace

Result<PackResult> pack_session(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) {
    const int why = errno;
    return make_error(ErrorCode::kIo, why, "%s: cannot be read: %s", path.c_str(),
                      std::strerror(why));
  }
  FileHeader header;
  if (std::fread(&header, 1, sizeof header, file.get()) < sizeof header ||
      std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
      header.header_bytes < sizeof header || header.header_bytes > kMaxChunkBytes) {
    return make_error(ErrorCode::kUsage, 0, "%s is no whole session file", path.c_str());
  }
  PackResult result;
  if (header.schema_version != kSchemaVersion) return result;
  Result<os::ReplacementFile> to = os::ReplacementFile::beside(path);
  if (!to.ok()) return to.error();
  result.before = to->replaced_size();
  if (const Status written = write_header(file.get(), header, *to); !written) {
    return written.error();
  }
  const Result<Packing> packing = write_chunks(file.get(), *to);
  if (!packing.ok()) return packing.error();
  result.packing = *packing;
  if (*packing != Packing::kPacked) return result;
  if (const Status replaced = to->replace(); !replaced) return replaced.error();
  result.after = to->written();
  return result;
}

}  // namespace terrace::session
