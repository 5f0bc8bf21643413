// SPDX-License-Identifier: Apache-2.0
// Whole chunks from one session file to another, compressed on the way: what packer and joiner
// share. Not thread-safe; allocates, a batch at a time.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/os/replacement_file.h"
#include "profiler/session/format.h"

namespace terrace::session {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

/// A file whose header was read; what follows are its chunks.
struct ChunkFile {
  std::unique_ptr<std::FILE, FileCloser> file;
  FileHeader header{};
  std::vector<std::byte> more_header;  ///< of a later writer's longer header
};

/// Errors: kIo when it cannot be read, kUsage when it has no whole header of a session.
Result<ChunkFile> open_chunks(const std::string& path);

enum class Next { kChunk, kEndOfFile, kDamaged };

/// Appends the next chunk, header and payload, to `bytes`; a damaged one leaves them as they were.
Next read_chunk(std::FILE* file, ChunkHeader& chunk, std::vector<std::byte>& bytes);

/// The header of `from` under another schema.
Status write_header(const ChunkFile& from, std::uint32_t schema, os::ReplacementFile& to);

/// Chunks on their way to a file.
class ChunkBatch {
 public:
  explicit ChunkBatch(os::ReplacementFile& to) : to_(to) {}

  std::vector<std::byte>& bytes() { return bytes_; }
  /// All that is there. What does not get smaller goes over as it is.
  Status write();
  Status write_when_full();

 private:
  os::ReplacementFile& to_;
  std::vector<std::byte> bytes_;
};

}  // namespace terrace::session
