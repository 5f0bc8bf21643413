// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_joiner.h"

#include "profiler/session/whole_chunks.h"

namespace terrace::session {
namespace {

struct Source {
  std::string path;
  ChunkFile file;
  ChunkHeader first{};  ///< its process chunk
  std::vector<std::byte> process;
};

/// A file that can be joined: plain, and its first chunk says whose it is.
Result<Source> source_of(const std::string& path) {
  Result<ChunkFile> opened = open_chunks(path);
  if (!opened) return opened.error();
  Source source{path, std::move(*opened), {}, {}};
  if (source.file.header.schema_version != kSchemaVersion ||
      read_chunk(source.file.file.get(), source.first, source.process) != Next::kChunk ||
      static_cast<ChunkKind>(source.first.kind) != ChunkKind::kProcess) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s does not begin with its process: it is cut off, or of another version",
                      path.c_str());
  }
  return source;
}

/// One file is open at a time: a program may have had more processes than descriptors are allowed.
Status take_chunks(const std::string& path, ChunkBatch& batch, JoinResult& result) {
  Result<Source> opened = source_of(path);
  if (!opened) return opened.error();
  Source& source = *opened;
  std::vector<std::byte>& bytes = batch.bytes();
  bytes.insert(bytes.end(), source.process.begin(), source.process.end());
  result.before += Bytes(source.file.header.header_bytes + source.process.size());
  for (;;) {
    ChunkHeader chunk;
    const Next next = read_chunk(source.file.file.get(), chunk, bytes);
    if (next == Next::kDamaged) result.torn.push_back(source.path);
    if (next != Next::kChunk) return ok_status();
    result.before += Bytes(sizeof chunk + chunk.payload_bytes);
    if (const Status written = batch.write_when_full(); !written) return written;
  }
}

}  // namespace

Result<JoinResult> join_sessions(const std::vector<std::string>& files, const std::string& to) {
  JoinResult result;
  std::vector<std::string> sources;
  ChunkFile first;
  for (const std::string& path : files) {
    Result<Source> source = source_of(path);
    if (source) {
      if (sources.empty()) first = std::move(source->file);
      sources.push_back(path);
    } else {
      result.left.emplace_back(source.error().message);
    }
  }
  if (sources.empty()) {
    return make_error(ErrorCode::kUsage, 0, "%s: no process left a session that can be used",
                      to.c_str());
  }
  Result<os::ReplacementFile> file = os::ReplacementFile::named(to, sources.front());
  if (!file) return file.error();
  const std::uint32_t schema = sources.size() > 1 ? kJoinedSchema : kPackedSchema;
  Status written = write_header(first, schema, *file);
  ChunkBatch batch(*file);
  for (const std::string& path : sources) {
    if (written) written = take_chunks(path, batch, result);
  }
  if (written) written = batch.write();
  if (written) written = file->replace();
  if (!written) return written.error();
  result.after = file->written();
  return result;
}

}  // namespace terrace::session
