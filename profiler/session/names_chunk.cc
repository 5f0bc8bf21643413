// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/names_chunk.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "profiler/session/chunk_seal.h"
#include "profiler/session/format.h"
#include "profiler/session/payload.h"
#include "profiler/session/process_chunk.h"

namespace terrace::session {
namespace {

namespace fs = std::filesystem;

template <typename Record>
void put(std::string& bytes, const Record& record) {
  bytes.append(reinterpret_cast<const char*>(&record), sizeof record);
}

bool take_range(const std::byte*& payload, std::size_t& size, NamedRange& range) {
  NamedRangeRecord record;
  if (!take(payload, size, record) || record.memory_class > kLastMemoryClass ||
      record.how > kLastNamedHow || record.confidence > 100) {
    return false;
  }
  range.memory_class = static_cast<MemoryClass>(record.memory_class);
  range.first_byte = record.first_byte;
  range.size = Bytes(record.bytes);
  range.confidence = record.confidence;
  range.how = static_cast<NamedHow>(record.how);
  return take_text(payload, size, record.name_bytes, range.name);
}

std::string chunk_of(ChunkKind kind, const std::string& payload) {
  std::string chunk;
  put(chunk, sealed(kind, reinterpret_cast<const std::byte*>(payload.data()),
                    static_cast<std::uint32_t>(payload.size())));
  return chunk + payload;
}

Error cannot_append(const std::string& path, int saved) {
  return make_error(ErrorCode::kIo, saved,
                    "cannot add names to %.200s: %s; the session itself is whole, and `terrace "
                    "report --model FILE` names it when it is shown",
                    path.c_str(), std::strerror(saved));
}

}  // namespace

std::string encode_names(const ObjectNames& names) {
  NamesRecord record{};
  record.object = names.object;
  record.file_device = names.file.device;
  record.file_inode = names.file.inode;
  record.file_bytes = names.file.size_bytes;
  record.file_changed_ns = names.file.changed_ns;
  record.range_count = static_cast<std::uint32_t>(names.ranges.size());
  record.path_bytes = static_cast<std::uint32_t>(names.file.path.size());
  std::string payload;
  put(payload, record);
  payload += names.file.path;
  for (const NamedRange& range : names.ranges) {
    NamedRangeRecord one{};
    one.first_byte = range.first_byte;
    one.bytes = range.size.value;
    one.memory_class = static_cast<std::uint8_t>(range.memory_class);
    one.confidence = range.confidence;
    one.how = static_cast<std::uint8_t>(range.how);
    one.name_bytes = static_cast<std::uint32_t>(range.name.size());
    put(payload, one);
    payload += range.name;
  }
  return payload.size() > kMaxChunkBytes ? std::string{} : payload;
}

std::optional<std::uint64_t> object_of_names(const std::byte* payload, std::size_t size) {
  NamesRecord record;
  if (!take(payload, size, record)) return std::nullopt;
  return record.object;
}

std::optional<ObjectNames> decode_names(const std::byte* payload, std::size_t size,
                                        std::uint64_t object_bytes) {
  NamesRecord record;
  ObjectNames names;
  if (!take(payload, size, record) ||
      !take_text(payload, size, record.path_bytes, names.file.path) ||
      record.range_count > size / sizeof(NamedRangeRecord)) {
    return std::nullopt;
  }
  names.object = record.object;
  names.file.device = record.file_device;
  names.file.inode = record.file_inode;
  names.file.size_bytes = record.file_bytes;
  names.file.changed_ns = record.file_changed_ns;
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < record.range_count; ++i) {
    NamedRange& range = names.ranges.emplace_back();
    if (!take_range(payload, size, range) || range.first_byte < end ||
        range.first_byte > object_bytes || range.size.value > object_bytes - range.first_byte) {
      return std::nullopt;
    }
    end = range.first_byte + range.size.value;
  }
  if (size != 0) return std::nullopt;
  return names;
}

Status append_names(const std::string& path, const std::vector<ObjectNames>& names,
                    std::uint64_t torn_bytes) {
  return append_names(path, {ProcessNames{nullptr, &names}}, torn_bytes);
}

Status append_names(const std::string& path, const std::vector<ProcessNames>& processes,
                    std::uint64_t torn_bytes) {
  std::string chunks;
  for (const ProcessNames& one : processes) {
    if (one.process != nullptr) {
      chunks += chunk_of(ChunkKind::kProcess, encode_process(*one.process));
    }
    for (const ObjectNames& object : *one.names) {
      if (const std::string payload = encode_names(object); !payload.empty()) {
        chunks += chunk_of(ChunkKind::kNames, payload);
      }
    }
  }
  std::error_code failed;
  const std::uint64_t size = fs::file_size(path, failed);
  if (failed) return cannot_append(path, failed.value());
  const std::uint64_t whole = size - std::min<std::uint64_t>(torn_bytes, size);
  if (whole != size) fs::resize_file(path, whole, failed);
  if (failed) return cannot_append(path, failed.value());
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file.write(chunks.data(), static_cast<std::streamsize>(chunks.size()));
  file.close();
  if (!file.fail()) return ok_status();
  const int saved = errno != 0 ? errno : EIO;
  fs::resize_file(path, whole, failed);
  return cannot_append(path, saved);
}

}  // namespace terrace::session
