// SPDX-License-Identifier: Apache-2.0
// What one record of the kernel's ring buffer says (perf_event_open(2), "MMAP layout"). Strict:
// lengths have to fit exactly what the sample type says, and what does not is malformed, never half
// taken. Bytes come from the kernel, and through it from the processor's own buffers.
// Pure logic, resident: allocates nothing, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terrace::sources {

/// perf_event_attr::sample_type: fields in the order in which they follow in a record. Others are
/// of a length that the record itself tells, and are not taken.
enum SampleField : std::uint64_t {
  kSampleIdentifier = 1u << 16,
  kSampleIp = 1u << 0,
  kSampleTid = 1u << 1,
  kSampleTime = 1u << 2,
  kSampleAddress = 1u << 3,
  kSampleId = 1u << 6,
  kSampleStreamId = 1u << 9,
  kSampleCpu = 1u << 7,
  kSamplePeriod = 1u << 8,
  kSampleWeight = 1u << 14,
  kSampleDataSource = 1u << 15,
  kSampleTransaction = 1u << 17,
};

/// Where the processor found the data (perf_mem_data_src::mem_lvl_num, or mem_lvl before Linux
/// 4.14).
enum class MemoryLevel : std::uint8_t {
  kUnknown,
  kL1,
  kFillBuffer,  ///< the line was on its way already
  kL2,
  kL3,
  kMemory,
  kRemoteMemory,
  kCxl,
  kPersistent,
  kUncached,
};

enum class AccessKind : std::uint8_t { kUnknown, kLoad, kStore, kPrefetch };

struct DataSource {
  AccessKind access = AccessKind::kUnknown;
  MemoryLevel level = MemoryLevel::kUnknown;
};
DataSource decode_data_source(std::uint64_t bits);

struct MemorySample {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t address = 0;
  std::uint64_t period = 0;
  std::uint64_t weight = 0;  ///< cycles that the access took, where the event tells
  std::uint64_t data_source = 0;
};

enum class RecordKind : std::uint8_t {
  kSample,
  kLost,       ///< `lost` samples found no room
  kThrottled,  ///< the kernel stopped the event for a moment: too many interrupts
  kOther,      ///< whole, and of no interest
  kMalformed,
};

struct SampleRecord {
  RecordKind kind = RecordKind::kMalformed;
  MemorySample sample;
  std::uint64_t lost = 0;
};

/// The length that a record states for itself, at the beginning of `available` bytes; 0: none that
/// can be right.
std::size_t record_length(const std::byte* at, std::size_t available);

/// `size` is the record's whole length.
SampleRecord parse_record(const std::byte* at, std::size_t size, std::uint64_t sample_type);

}  // namespace terrace::sources
