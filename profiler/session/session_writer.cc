// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/session_writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocators/base/crc32.h"
#include "allocators/os/keep_errno.h"
#include "profiler/os/append_file.h"
#include "profiler/os/loaded_module.h"

namespace terrace::session {
namespace {

// Which file the descriptor must still be. There is one writer in a process.
constinit os::AppendFile file;

constexpr std::uint32_t kUnknownModule = UINT32_MAX;
constexpr std::size_t kMaxPathBytes = 4096;

// Allocation must leave errno as it was, and births are recorded within it.
// False: the payload is beyond what a chunk may hold.
bool seal(ChunkHeader& header, ChunkKind kind, const os::Piece* payload, int count) {
  std::uint64_t bytes = 0;
  for (int i = 0; i < count; ++i) bytes += payload[i].size;
  if (bytes > kMaxChunkBytes) return false;
  header = {static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(bytes), 0, 0};
  header.crc32 = terrace::crc32(&header, offsetof(ChunkHeader, crc32));
  for (int i = 0; i < count; ++i) {
    header.crc32 = terrace::crc32(payload[i].data, payload[i].size, header.crc32);
  }
  return true;
}

void say_ended(int why) {
  char text[160];
  snprintf(text, sizeof text,
           "terrace: the session file could not be extended (errno %d): recording ends here, what "
           "was written stays readable",
           why);
  os::say(text);
}

Result<os::AppendFile> create_with_header(const char* path, const FileHeader& header) {
  Result<os::AppendFile> created = os::create_append_file(path);
  if (!created) return created.error();
  const os::Piece head{&header, sizeof header};
  const int why = os::append_pieces(*created, &head, 1);
  if (why == 0) return created;
  os::close_append_file(*created);
  os::remove_file(path);
  return make_error(ErrorCode::kIo, why, "cannot write the session's header to %s (errno %d)", path,
                    why);
}

}  // namespace

Status SessionWriter::open(const char* path, const SessionStart& start) {
  const os::KeepErrno keep;
  if (is_open()) return make_error(ErrorCode::kUsage, 0, "a session is already open");
  const Result<os::AppendFile> created = create_with_header(path, start.header);
  if (!created) return created.error();
  return begin(*created, start, path);
}

Status SessionWriter::go_on(const char* path, const SessionStart& start) {
  const os::KeepErrno keep;
  if (!is_open()) return make_error(ErrorCode::kUsage, 0, "no session is open");
  const Result<os::AppendFile> created = create_with_header(path, start.header);
  if (!created) return created.error();
  const ContinuedRecord record{start.segment->begin_ns, start.segment->number, 0};
  const void* parts[] = {&record};
  const std::uint32_t sizes[] = {sizeof record};
  append(ChunkKind::kContinued, parts, sizes, 1);
  close();
  return begin(*created, start, path);
}

Status SessionWriter::begin(const os::AppendFile& created, const SessionStart& start,
                            const char* path) {
  file = created;
  fd_ = file.fd;
  bytes_ = sizeof start.header;
  module_count_ = 0;
  process(start.header, start.origin);
  if (start.segment != nullptr) {
    const void* parts[] = {start.segment};
    const std::uint32_t sizes[] = {sizeof *start.segment};
    append(ChunkKind::kSegment, parts, sizes, 1);
  }
  for (std::uint32_t i = 0; i < start.tier_count; ++i) {
    const void* parts[] = {&start.tiers[i]};
    const std::uint32_t sizes[] = {sizeof start.tiers[i]};
    append(ChunkKind::kTier, parts, sizes, 1);
  }
  if (!is_open()) {
    return make_error(ErrorCode::kIo, ENOSPC, "cannot write the session's tiers to %s", path);
  }
  return ok_status();
}

void SessionWriter::append(ChunkKind kind, const void* parts[], const std::uint32_t sizes[],
                           int count) {
  if (!is_open()) return;
  const os::KeepErrno keep;
  ChunkHeader header;
  os::Piece pieces[os::kMaxPieces];
  for (int i = 0; i < count; ++i) pieces[i + 1] = {parts[i], sizes[i]};
  if (!seal(header, kind, pieces + 1, count)) return;
  pieces[0] = {&header, sizeof header};
  const int why = os::append_pieces(file, pieces, count + 1);
  if (why == 0) {
    bytes_ += sizeof header + header.payload_bytes;
    return;
  }
  say_ended(why);
  os::close_append_file(file);
  fd_ = -1;
}

std::uint32_t SessionWriter::module_of(std::uintptr_t address, std::uint64_t& offset) {
  offset = address;
  const os::LoadedModule found = os::module_at(address);
  if (found.identity == nullptr) return kUnknownModule;
  std::uint32_t index = 0;
  while (index < module_count_ && !(modules_[index].link_map == found.identity &&
                                    modules_[index].load_bias == found.load_bias)) {
    ++index;
  }
  if (index == kMaxModules) return kUnknownModule;
  offset = address - found.load_bias;
  if (index < module_count_) return index;

  char path[kMaxPathBytes];
  const std::size_t length = os::module_path(found, path, sizeof path);
  const ModuleRecord record{index, 0, found.load_bias};
  const void* parts[] = {&record, path};
  const std::uint32_t sizes[] = {sizeof record, static_cast<std::uint32_t>(length)};
  append(ChunkKind::kModule, parts, sizes, 2);
  modules_[module_count_++] = {found.load_bias, found.identity};
  return index;
}

void SessionWriter::process(const FileHeader& header, const ProcessOrigin& origin) {
  ProcessRecord record{};
  record.pid = header.pid;
  record.parent_pid = origin.parent_pid;
  record.start_realtime_ns = header.start_realtime_ns;
  record.start_monotonic_ns = header.start_monotonic_ns;
  record.emulated = header.emulated;
  record.executable_bytes = static_cast<std::uint32_t>(strnlen(origin.executable, kMaxPathBytes));
  record.host_bytes = static_cast<std::uint32_t>(strnlen(origin.host, kMaxPathBytes));
  memcpy(record.machine_id, header.machine_id, sizeof record.machine_id);
  const void* parts[] = {&record, origin.executable, origin.host};
  const std::uint32_t sizes[] = {sizeof record, record.executable_bytes, record.host_bytes};
  append(ChunkKind::kProcess, parts, sizes, 3);
}

void SessionWriter::object_born(const ObjectBirth& birth) {
  if (!is_open() || birth.block_count > kMaxChunkBytes) return;
  FrameRecord frames[kMaxFrames];
  std::uint32_t frame_count = birth.site == nullptr ? 0 : birth.site->frame_count;
  if (frame_count > kMaxFrames) frame_count = kMaxFrames;
  for (std::uint32_t i = 0; i < frame_count; ++i) {
    frames[i] = {};
    frames[i].module = module_of(birth.site->frames[i], frames[i].offset);
  }
  const std::size_t path_bytes = birth.path == nullptr ? 0 : strnlen(birth.path, kMaxPathBytes);
  ObjectRecord record{};
  record.object = birth.object;
  record.site_hash = birth.key.site_hash;
  record.size_bytes = birth.key.size_bytes;
  record.base_address = birth.base_address;
  record.born_ns = birth.born.value;
  record.block_count = birth.block_count;
  record.ordinal = birth.key.ordinal;
  record.origin = static_cast<std::uint32_t>(birth.key.origin);
  record.frame_count = frame_count;
  record.path_bytes = static_cast<std::uint32_t>(path_bytes);
  const void* parts[] = {&record, frames, birth.block_tiers, birth.path};
  const std::uint32_t sizes[] = {
      sizeof record, static_cast<std::uint32_t>(frame_count * sizeof(FrameRecord)),
      static_cast<std::uint32_t>(birth.block_count), static_cast<std::uint32_t>(path_bytes)};
  append(ChunkKind::kObject, parts, sizes, 4);
}

void SessionWriter::object_ended(std::uint64_t object, Nanoseconds at) {
  const ObjectEndRecord record{object, at.value};
  const void* parts[] = {&record};
  const std::uint32_t sizes[] = {sizeof record};
  append(ChunkKind::kObjectEnd, parts, sizes, 1);
}

void SessionWriter::placement(std::uint64_t object, const std::uint8_t* block_tiers,
                              std::uint64_t block_count) {
  if (block_count > kMaxChunkBytes) return;
  const PlacementRecord record{object, block_count};
  const void* parts[] = {&record, block_tiers};
  const std::uint32_t sizes[] = {sizeof record, static_cast<std::uint32_t>(block_count)};
  append(ChunkKind::kPlacement, parts, sizes, 2);
}

void SessionWriter::heat(const HeatRecord& record, const std::uint32_t* touches) {
  if (record.block_count > kMaxChunkBytes / sizeof *touches) return;
  const void* parts[] = {&record, touches};
  const std::uint32_t sizes[] = {sizeof record,
                                 static_cast<std::uint32_t>(record.block_count * sizeof *touches)};
  append(ChunkKind::kHeat, parts, sizes, 2);
}

void SessionWriter::step(const StepRecord& record) {
  const void* parts[] = {&record};
  const std::uint32_t sizes[] = {sizeof record};
  append(ChunkKind::kStep, parts, sizes, 1);
}

void SessionWriter::cost(const CostRecord& record) {
  const void* parts[] = {&record};
  const std::uint32_t sizes[] = {sizeof record};
  append(ChunkKind::kCost, parts, sizes, 1);
}

void SessionWriter::source(const SourceRecord& record, const char* reason) {
  const void* parts[] = {&record, reason};
  const std::uint32_t sizes[] = {sizeof record, static_cast<std::uint32_t>(strlen(reason))};
  append(ChunkKind::kSource, parts, sizes, 2);
}

void SessionWriter::mark(const MarkRecord& record) {
  const void* parts[] = {&record};
  const std::uint32_t sizes[] = {sizeof record};
  append(ChunkKind::kMark, parts, sizes, 1);
}

void SessionWriter::looks(const LookRecord* records, std::uint32_t count) {
  if (count == 0) return;
  const void* parts[] = {records};
  const std::uint32_t sizes[] = {static_cast<std::uint32_t>(count * sizeof *records)};
  append(ChunkKind::kLooks, parts, sizes, 1);
}

void SessionWriter::named(std::uint64_t object, const NamedRangeRecord& record, const char* name) {
  NamesRecord names{};
  names.object = object;
  names.range_count = 1;
  const void* parts[] = {&names, &record, name};
  const std::uint32_t sizes[] = {sizeof names, sizeof record, record.name_bytes};
  append(ChunkKind::kNames, parts, sizes, 3);
}

void SessionWriter::close() {
  if (!is_open()) return;
  append(ChunkKind::kEnd, nullptr, nullptr, 0);
  if (is_open()) os::close_append_file(file);
  fd_ = -1;
}

void SessionWriter::abandon() {
  if (!is_open()) return;
  const os::KeepErrno keep;
  os::close_append_file(file);
  fd_ = -1;
}

}  // namespace terrace::session
