// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/sample_record.h"

#include <cstring>

namespace terrace::sources {
namespace {

// perf_event_header
struct Header {
  std::uint32_t type;
  std::uint16_t misc;
  std::uint16_t size;
};

constexpr std::uint32_t kTypeLost = 2;
constexpr std::uint32_t kTypeThrottle = 5;
constexpr std::uint32_t kTypeSample = 9;
constexpr std::uint32_t kTypeLostSamples = 13;

constexpr std::uint64_t kKnownFields = kSampleIdentifier | kSampleIp | kSampleTid | kSampleTime |
                                       kSampleAddress | kSampleId | kSampleStreamId | kSampleCpu |
                                       kSamplePeriod | kSampleWeight | kSampleDataSource |
                                       kSampleTransaction;

/// Takes 8-byte fields one after the other; too few make it not ok for good.
class Fields {
 public:
  Fields(const std::byte* at, std::size_t size) : at_(at), left_(size) {}
  std::uint64_t take() {
    std::uint64_t value = 0;
    if (left_ < sizeof value) {
      ok_ = false;
      return 0;
    }
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    left_ -= sizeof value;
    return value;
  }
  bool all_taken() const { return ok_ && left_ == 0; }

 private:
  const std::byte* at_;
  std::size_t left_;
  bool ok_ = true;
};

SampleRecord parse_sample(Fields fields, std::uint64_t sample_type) {
  SampleRecord record;
  if ((sample_type & ~kKnownFields) != 0) return record;
  MemorySample& sample = record.sample;
  const auto has = [&](SampleField field) { return (sample_type & field) != 0; };
  if (has(kSampleIdentifier)) fields.take();
  if (has(kSampleIp)) fields.take();
  if (has(kSampleTid)) {
    const std::uint64_t both = fields.take();
    sample.pid = static_cast<std::uint32_t>(both);
    sample.tid = static_cast<std::uint32_t>(both >> 32);
  }
  if (has(kSampleTime)) sample.time_ns = fields.take();
  if (has(kSampleAddress)) sample.address = fields.take();
  if (has(kSampleId)) fields.take();
  if (has(kSampleStreamId)) fields.take();
  if (has(kSampleCpu)) fields.take();
  if (has(kSamplePeriod)) sample.period = fields.take();
  if (has(kSampleWeight)) sample.weight = fields.take();
  if (has(kSampleDataSource)) sample.data_source = fields.take();
  if (has(kSampleTransaction)) fields.take();
  if (fields.all_taken()) record.kind = RecordKind::kSample;
  return record;
}

SampleRecord parse_lost(std::uint32_t type, Fields fields) {
  SampleRecord record;
  if (type == kTypeLost) fields.take();  // the event's id
  record.lost = fields.take();
  if (fields.all_taken()) record.kind = RecordKind::kLost;
  return record;
}

// Bits of perf_mem_data_src (linux/perf_event.h), by shift and width.
std::uint64_t bits_of(std::uint64_t source, unsigned shift, unsigned width) {
  return (source >> shift) & ((std::uint64_t{1} << width) - 1);
}

AccessKind access_of(std::uint64_t op) {
  constexpr std::uint64_t kLoad = 2;
  constexpr std::uint64_t kStore = 4;
  constexpr std::uint64_t kPrefetch = 8;
  if ((op & kStore) != 0) return AccessKind::kStore;
  if ((op & kLoad) != 0) return AccessKind::kLoad;
  return (op & kPrefetch) != 0 ? AccessKind::kPrefetch : AccessKind::kUnknown;
}

MemoryLevel level_by_number(std::uint64_t number, bool remote) {
  switch (number) {
    case 0x1:
      return MemoryLevel::kL1;
    case 0x2:
      return MemoryLevel::kL2;
    case 0x3:
    case 0x4:
    case 0xb:
      return MemoryLevel::kL3;
    case 0x8:
    case 0xa:
      return MemoryLevel::kUncached;
    case 0x9:
      return MemoryLevel::kCxl;
    case 0xc:
      return MemoryLevel::kFillBuffer;
    case 0xd:
      return remote ? MemoryLevel::kRemoteMemory : MemoryLevel::kMemory;
    case 0xe:
      return MemoryLevel::kPersistent;
    default:
      return MemoryLevel::kUnknown;
  }
}

/// Of the older field the deepest level that is named.
MemoryLevel level_by_bits(std::uint64_t level) {
  if ((level & 0x3000) != 0) return MemoryLevel::kUncached;
  if ((level & 0x0300) != 0) return MemoryLevel::kRemoteMemory;
  if ((level & 0x0080) != 0) return MemoryLevel::kMemory;
  if ((level & 0x0c40) != 0) return MemoryLevel::kL3;
  if ((level & 0x0020) != 0) return MemoryLevel::kL2;
  if ((level & 0x0010) != 0) return MemoryLevel::kFillBuffer;
  return (level & 0x0008) != 0 ? MemoryLevel::kL1 : MemoryLevel::kUnknown;
}

}  // namespace

DataSource decode_data_source(std::uint64_t bits) {
  DataSource source;
  source.access = access_of(bits_of(bits, 0, 5));
  source.level = level_by_number(bits_of(bits, 33, 4), bits_of(bits, 37, 1) != 0);
  if (source.level == MemoryLevel::kUnknown) source.level = level_by_bits(bits_of(bits, 5, 14));
  return source;
}

std::size_t record_length(const std::byte* at, std::size_t available) {
  Header header;
  if (available < sizeof header) return 0;
  std::memcpy(&header, at, sizeof header);
  const std::size_t size = header.size;
  return size >= sizeof header && size % 8 == 0 && size <= available ? size : 0;
}

SampleRecord parse_record(const std::byte* at, std::size_t size, std::uint64_t sample_type) {
  SampleRecord record;
  if (record_length(at, size) != size) return record;
  Header header;
  std::memcpy(&header, at, sizeof header);
  const Fields fields(at + sizeof header, size - sizeof header);
  switch (header.type) {
    case kTypeSample:
      return parse_sample(fields, sample_type);
    case kTypeLost:
    case kTypeLostSamples:
      return parse_lost(header.type, fields);
    case kTypeThrottle:
      record.kind = RecordKind::kThrottled;
      return record;
    default:
      record.kind = RecordKind::kOther;
      return record;
  }
}

}  // namespace terrace::sources
