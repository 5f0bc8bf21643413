// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "profiler/session/chunk_seal.h"
#include "profiler/session/packed_chunk.h"
#include "profiler/session/process_chunk.h"
#include "profiler/session/recording_decoder.h"

namespace terrace::session {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Error cannot_read(const std::string& path, int saved) {
  return make_error(ErrorCode::kIo, saved,
                    "%s: cannot be read: %s; check the path, or record with `terrace record`",
                    path.c_str(), std::strerror(saved));
}

Status read_header(const std::byte* data, std::uint64_t size, const std::string& name,
                   FileHeader& header) {
  if (size == 0) {
    return make_error(ErrorCode::kUsage, 0, "%s is empty: the program ended before recording began",
                      name.c_str());
  }
  if (size < sizeof kMagic || std::memcmp(data, kMagic, sizeof kMagic) != 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s is no session file (wrong magic at offset 0); give a file made by "
                      "`terrace record`",
                      name.c_str());
  }
  if (size < sizeof header) {
    return make_error(ErrorCode::kUsage, 0, "%s is cut off within its header (%llu of %zu bytes)",
                      name.c_str(), static_cast<unsigned long long>(size), sizeof header);
  }
  std::memcpy(&header, data, sizeof header);
  if (header.schema_version < kSchemaVersion || header.schema_version > kJoinedSchema) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s has session schema %u (offset %zu), this terrace reads %u to %u; use the "
                      "version that recorded it",
                      name.c_str(), header.schema_version, offsetof(FileHeader, schema_version),
                      kSchemaVersion, kJoinedSchema);
  }
  if (header.header_bytes < sizeof header || header.header_bytes > size) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s states a header of %u bytes (offset %zu) in a file of %llu", name.c_str(),
                      header.header_bytes, offsetof(FileHeader, header_bytes),
                      static_cast<unsigned long long>(size));
  }
  return ok_status();
}

// Where the first chunk lies that could not be taken, and why; equal to the size when all were.
struct Stop {
  std::uint64_t offset = 0;
  const char* why = "";
};

// The chunk at data + at, checked; the reason when it cannot be used.
const char* take_chunk(const std::byte* data, std::uint64_t size, std::uint64_t at,
                       ChunkHeader& chunk) {
  if (size - at < sizeof chunk) return "is cut off within its header";
  std::memcpy(&chunk, data + at, sizeof chunk);
  if (chunk.payload_bytes > kMaxChunkBytes) return "states an impossible length";
  if (size - at - sizeof chunk < chunk.payload_bytes) return "is cut off";
  return intact(chunk, data + at + sizeof chunk) ? nullptr : "fails its CRC";
}

// The chunks that one packed chunk holds; the reason when they cannot all be used.
const char* read_packed(const std::byte* payload, std::size_t size, RecordingDecoder& decoder) {
  const std::optional<std::vector<std::byte>> plain = unpack(payload, size);
  if (!plain) return "cannot be decompressed";
  for (std::uint64_t at = 0; at < plain->size();) {
    ChunkHeader chunk;
    if (take_chunk(plain->data(), plain->size(), at, chunk) != nullptr) {
      return "holds a damaged chunk";
    }
    const std::byte* inner = plain->data() + at + sizeof chunk;
    const auto kind = static_cast<ChunkKind>(chunk.kind);
    if (decoder.decode(kind, inner, chunk.payload_bytes) == Decoded::kMalformed) {
      return "holds a chunk that contradicts itself";
    }
    at += sizeof chunk + chunk.payload_bytes;
  }
  return nullptr;
}

Stop read_chunks(const std::byte* data, std::uint64_t size, const FileHeader& header,
                 Recording& recording) {
  RecordingDecoder decoder(recording);
  std::uint64_t at = header.header_bytes;
  while (at < size) {
    ChunkHeader chunk;
    if (const char* why = take_chunk(data, size, at, chunk)) return {at, why};
    const std::byte* payload = data + at + sizeof chunk;
    const auto kind = static_cast<ChunkKind>(chunk.kind);
    if (kind == ChunkKind::kPacked) {
      if (const char* why = read_packed(payload, chunk.payload_bytes, decoder)) return {at, why};
    } else if (decoder.decode(kind, payload, chunk.payload_bytes) == Decoded::kMalformed) {
      return {at, "contradicts itself"};
    }
    at += sizeof chunk + chunk.payload_bytes;
  }
  return {at, ""};
}

}  // namespace

Result<Recording> parse_recording(const void* data, std::uint64_t size, const std::string& name) {
  const auto* bytes = static_cast<const std::byte*>(data);
  FileHeader header{};
  if (Status read = read_header(bytes, size, name, header); !read) return read.error();
  Recording recording;
  recording.processes.push_back(session_of(header));
  const Stop stop = read_chunks(bytes, size, header, recording);
  const bool any = std::any_of(recording.processes.begin(), recording.processes.end(),
                               [](const Session& one) { return !one.objects.empty(); });
  if (stop.offset < size && !any) {
    return make_error(ErrorCode::kUsage, 0,
                      "%s is damaged before its first object: the chunk at offset %llu %s; record "
                      "again",
                      name.c_str(), static_cast<unsigned long long>(stop.offset), stop.why);
  }
  for (Session& one : recording.processes) one.bytes_ignored = size - stop.offset;
  return recording;
}

Result<Session> parse_session(const void* data, std::uint64_t size, const std::string& name) {
  Result<Recording> recording = parse_recording(data, size, name);
  if (!recording) return recording.error();
  return std::move(recording->processes.front());
}

Result<Recording> read_recording(const std::string& path) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return cannot_read(path, errno);
  // Read to the end rather than trust a stated size: the file may still be growing.
  std::vector<std::byte> data;
  constexpr std::size_t kStep = 1u << 20;
  for (;;) {
    const std::size_t used = data.size();
    data.resize(used + std::max(kStep, used));
    errno = 0;
    const std::size_t got = std::fread(data.data() + used, 1, data.size() - used, file.get());
    const int saved = errno;
    const bool full = used + got == data.size();
    data.resize(used + got);
    if (std::ferror(file.get()) != 0) return cannot_read(path, saved);
    if (!full) break;
  }
  return parse_recording(data.data(), data.size(), path);
}

Result<Session> read_session(const std::string& path) {
  Result<Recording> recording = read_recording(path);
  if (!recording) return recording.error();
  return std::move(recording->processes.front());
}

}  // namespace terrace::session
