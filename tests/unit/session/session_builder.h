// SPDX-License-Identifier: Apache-2.0
// Session files in memory for tests, chunk by chunk, byte for byte by format.h and with zlib's CRC:
// a second opinion on what the writer writes. Allocates; not thread-safe.
#pragma once

#include <zlib.h>

#include <cstring>
#include <string>
#include <vector>

#include <terrace/tier.h>

#include "profiler/session/format.h"

namespace terrace::session {

class SessionBuilder {
 public:
  static constexpr std::uint64_t kStart = 1'000'000'000'000;

  SessionBuilder() {
    FileHeader header{};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.schema_version = kSchemaVersion;
    header.header_bytes = sizeof header;
    header.start_monotonic_ns = kStart;
    header.pid = 42;
    std::strcpy(header.machine_id, "0123456789abcdef");
    std::strcpy(header.executable, "/usr/bin/engine");
    add(&header, sizeof header);
  }

  /// A chunk whose payload is `record` followed by `tail`.
  template <typename Record>
  SessionBuilder& chunk(ChunkKind kind, const Record& record, const std::string& tail = {}) {
    std::string payload(reinterpret_cast<const char*>(&record), sizeof record);
    return raw_chunk(static_cast<std::uint32_t>(kind), payload + tail);
  }

  SessionBuilder& raw_chunk(std::uint32_t kind, const std::string& payload) {
    ChunkHeader header{kind, static_cast<std::uint32_t>(payload.size()), 0, 0};
    const std::string covered = std::string(reinterpret_cast<const char*>(&header), 8) + payload;
    header.crc32 = static_cast<std::uint32_t>(::crc32(
        0, reinterpret_cast<const Bytef*>(covered.data()), static_cast<uInt>(covered.size())));
    add(&header, sizeof header);
    bytes_ += payload;
    return *this;
  }

  SessionBuilder& tier(const char* name, BackingKind backing = BackingKind::kNuma) {
    TierRecord record{};
    std::strncpy(record.name, name, sizeof record.name - 1);
    record.kind =
        static_cast<std::uint8_t>(backing == BackingKind::kNuma ? TierKind::kDram : TierKind::kCxl);
    record.backing = static_cast<std::uint8_t>(backing);
    record.capacity_bytes = 1u << 30;
    record.bandwidth_gbps = 10;
    record.latency_ns = 100;
    return chunk(ChunkKind::kTier, record);
  }

  SessionBuilder& module(std::uint32_t index, const std::string& path, std::uint64_t bias = 0) {
    return chunk(ChunkKind::kModule, ModuleRecord{index, 0, bias}, path);
  }

  /// An object of `tiers.size()` whole blocks.
  SessionBuilder& object(std::uint64_t id, const std::vector<std::uint8_t>& tiers,
                         double born_s = 0, const std::vector<FrameRecord>& frames = {},
                         const std::string& path = {}) {
    ObjectRecord record{};
    record.object = id;
    record.site_hash = 0x1000 + id;
    record.size_bytes = tiers.size() * kBlockBytes.value;
    record.base_address = 0x7f0000000000 + id * (std::uint64_t{1} << 36);
    record.born_ns = at(born_s);
    record.block_count = tiers.size();
    record.origin = static_cast<std::uint32_t>(path.empty() ? Origin::kHeap : Origin::kFile);
    record.frame_count = static_cast<std::uint32_t>(frames.size());
    record.path_bytes = static_cast<std::uint32_t>(path.size());
    return chunk(ChunkKind::kObject, record, bytes_of(frames) + bytes_of(tiers) + path);
  }

  SessionBuilder& object_end(std::uint64_t id, double at_s) {
    return chunk(ChunkKind::kObjectEnd, ObjectEndRecord{id, at(at_s)});
  }

  SessionBuilder& heat(std::uint64_t id, SourceKind source, double begin_s, double end_s,
                       double observed_s, const std::vector<std::uint32_t>& touches) {
    const HeatRecord record{id,
                            static_cast<std::uint32_t>(source),
                            0,
                            at(begin_s),
                            at(end_s),
                            static_cast<std::uint64_t>(observed_s * 1e9),
                            touches.size()};
    return chunk(ChunkKind::kHeat, record, bytes_of(touches));
  }

  SessionBuilder& step(double at_s, double period_s, std::uint32_t observations) {
    return chunk(ChunkKind::kStep,
                 StepRecord{at(at_s), static_cast<std::uint64_t>(period_s * 1e9), observations, 0});
  }

  /// The recorder looked for the step.
  SessionBuilder& look(double begin_s, double end_s) {
    const auto kind = static_cast<std::uint32_t>(LookKind::kStep);
    return chunk(ChunkKind::kLooks, LookRecord{at(begin_s), at(end_s), kind, 10, 10, 0});
  }

  /// A source whose counts stand for `unit` bytes each (0: for their block).
  SessionBuilder& source(SourceKind kind, std::uint64_t unit, const std::string& reason = "works",
                         std::uint64_t own_cpu_ns = 0) {
    SourceRecord record{};
    record.at_ns = at(1);
    record.source = static_cast<std::uint32_t>(kind);
    record.bytes_per_observation = unit;
    record.confidence_pct = 90;
    record.budget_ppm = 10000;
    record.own_cpu_ns = own_cpu_ns;
    record.caused_cpu_ns = own_cpu_ns / 2;
    record.program_cpu_ns = 1'000'000'000;
    return chunk(ChunkKind::kSource, record, reason);
  }

  /// What follows is of this process, whose recording began `start_s` after the header's.
  SessionBuilder& process(std::uint32_t pid, std::uint32_t parent_pid, double start_s = 0,
                          const std::string& executable = "/usr/bin/worker",
                          const std::string& host = "host") {
    ProcessRecord record{};
    record.pid = pid;
    record.parent_pid = parent_pid;
    record.start_monotonic_ns = at(start_s);
    record.executable_bytes = static_cast<std::uint32_t>(executable.size());
    record.host_bytes = static_cast<std::uint32_t>(host.size());
    return chunk(ChunkKind::kProcess, record, executable + host);
  }

  /// This file is the `number`th of a split recording, and holds `carried` objects of before.
  SessionBuilder& segment(std::uint32_t number, double begin_s, std::uint32_t carried = 0,
                          std::uint64_t recording = 7, std::uint32_t keep = 0) {
    const SegmentRecord record{recording, at(begin_s), at(begin_s) * 2, number, carried, keep, 0};
    return chunk(ChunkKind::kSegment, record);
  }
  SessionBuilder& continued(std::uint32_t next, double at_s) {
    return chunk(ChunkKind::kContinued, ContinuedRecord{at(at_s), next, 0});
  }

  SessionBuilder& end() { return raw_chunk(static_cast<std::uint32_t>(ChunkKind::kEnd), {}); }

  const std::string& bytes() const { return bytes_; }
  static std::uint64_t at(double seconds) {
    return kStart + static_cast<std::uint64_t>(seconds * 1e9);
  }

 private:
  template <typename Value>
  static std::string bytes_of(const std::vector<Value>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
  }
  void add(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  }

  std::string bytes_;
};

}  // namespace terrace::session
