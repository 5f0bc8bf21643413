// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_packer.h"

#include "profiler/session/whole_chunks.h"

namespace terrace::session {
namespace {

/// All chunks, from the file's place on.
Result<Packing> write_chunks(std::FILE* from, os::ReplacementFile& to) {
  ChunkBatch batch(to);
  bool closed = false;
  for (;;) {
    ChunkHeader chunk;
    switch (read_chunk(from, chunk, batch.bytes())) {
      case Next::kDamaged:
        return Packing::kLeftDamaged;
      case Next::kChunk:
        closed = static_cast<ChunkKind>(chunk.kind) == ChunkKind::kEnd;
        break;
      case Next::kEndOfFile:
        if (!closed) return Packing::kLeftOpen;
        if (const Status written = batch.write(); !written) return written.error();
        return Packing::kPacked;
    }
    if (const Status written = batch.write_when_full(); !written) return written.error();
  }
}

}  // namespace

Result<PackResult> pack_session(const std::string& path) {
  Result<ChunkFile> from = open_chunks(path);
  if (!from) return from.error();
  PackResult result;
  if (from->header.schema_version != kSchemaVersion) return result;
  Result<os::ReplacementFile> to = os::ReplacementFile::beside(path);
  if (!to.ok()) return to.error();
  result.before = to->replaced_size();
  if (const Status written = write_header(*from, kPackedSchema, *to); !written) {
    return written.error();
  }
  const Result<Packing> packing = write_chunks(from->file.get(), *to);
  if (!packing.ok()) return packing.error();
  result.packing = *packing;
  if (*packing != Packing::kPacked) return result;
  if (const Status replaced = to->replace(); !replaced) return replaced.error();
  result.after = to->written();
  return result;
}

}  // namespace terrace::session
