// SPDX-License-Identifier: Apache-2.0
// Writes a session from inside the recorded process. One writer per process, calls serialised by
// the caller; nothing allocates, a full disk ends the session with one message and keeps what is
// there. Each call is one writev of whole chunks.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/base/site_key.h"
#include "profiler/session/format.h"

namespace terrace::os {
struct AppendFile;
}

namespace terrace::session {

struct ObjectBirth {
  std::uint64_t object = 0;
  ObjectKey key;
  const CallSite* site = nullptr;  ///< null: no frames
  std::uintptr_t base_address = 0;
  Nanoseconds born;
  const std::uint8_t* block_tiers = nullptr;
  std::uint64_t block_count = 0;
  const char* path = nullptr;  ///< null: no file behind it
};

/// What a process is known by, besides the header.
struct ProcessOrigin {
  std::uint32_t parent_pid = 0;
  const char* executable = "";  ///< the whole path
  const char* host = "";
};

/// All that stands at the beginning of a file. Refers to what the caller has.
struct SessionStart {
  const FileHeader& header;
  const TierRecord* tiers;
  std::uint32_t tier_count;
  ProcessOrigin origin = {};
  const SegmentRecord* segment = nullptr;  ///< null: the recording is not split
};

class SessionWriter {
 public:
  constexpr SessionWriter() = default;
  SessionWriter(const SessionWriter&) = delete;
  SessionWriter& operator=(const SessionWriter&) = delete;

  /// Creates `path` (mode 600, replaces what is there) and writes the header, whose it is, the
  /// place in a split recording, and the tiers.
  Status open(const char* path, const SessionStart& start);
  /// Closes the file in order and goes on in the next one, `path`, whose place `start.segment`
  /// names (not null); what lives has to be told again. Error: it could not be begun, and the file
  /// that is open stays so; but if the disk takes the next one's header and no more, none is open.
  Status go_on(const char* path, const SessionStart& start);
  bool is_open() const { return fd_ >= 0; }
  /// Length of the file that is open.
  Bytes written() const { return Bytes(bytes_); }

  void object_born(const ObjectBirth& birth);
  void object_ended(std::uint64_t object, Nanoseconds at);
  void placement(std::uint64_t object, const std::uint8_t* block_tiers, std::uint64_t block_count);
  void heat(const HeatRecord& record, const std::uint32_t* touches);
  void step(const StepRecord& record);
  void cost(const CostRecord& record);
  /// `reason` is NUL-terminated.
  void source(const SourceRecord& record, const char* reason);
  void mark(const MarkRecord& record);
  void looks(const LookRecord* records, std::uint32_t count);
  /// Names all of the object; nothing has to be known of a file.
  void named(std::uint64_t object, const NamedRangeRecord& record, const char* name);
  /// Writes kEnd and closes. Safe to call twice.
  void close();
  /// In a fork's child: forgets the file without writing to it.
  void abandon();

 private:
  struct Module {
    std::uintptr_t load_bias;
    const void* link_map;
  };
  static constexpr std::uint32_t kMaxModules = 256;

  Status begin(const os::AppendFile& created, const SessionStart& start, const char* path);
  std::uint32_t module_of(std::uintptr_t address, std::uint64_t& offset);
  void process(const FileHeader& header, const ProcessOrigin& origin);
  void append(ChunkKind kind, const void* parts[], const std::uint32_t sizes[], int count);

  int fd_ = -1;
  std::uint64_t bytes_ = 0;
  std::uint32_t module_count_ = 0;
  Module modules_[kMaxModules] = {};
};

}  // namespace terrace::session
