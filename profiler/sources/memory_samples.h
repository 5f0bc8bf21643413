// SPDX-License-Identifier: Apache-2.0
// Access source: sampled loads and stores by address. The processor notes every nth access of an
// event (Intel PEBS, AMD IBS) in the kernel's ring buffers; what is found there is counted by
// block. Costs the program an interrupt for some samples, and changes nothing about its memory.
// Loads that the first level cache answered are no traffic and are not counted. Where the event
// names no level, such as page faults in tests, every sample counts.
// attach() by the main thread before there are others, then as every source. Resident: one owner;
// address space for the counts in open(), nothing is allocated.
#pragma once

#include <cstdint>

#include "profiler/os/sample_rings.h"
#include "profiler/sources/access_source.h"
#include "profiler/sources/sample_event.h"
#include "profiler/sources/sample_record.h"

namespace terrace::sources {

struct SampleCounts {
  std::uint64_t counted = 0;
  std::uint64_t elsewhere = 0;  ///< in memory that is no object's, in caches, or another process's
  std::uint64_t lost = 0;       ///< no room in the ring
  std::uint64_t throttled = 0;
  std::uint64_t malformed = 0;
};

class MemorySamples {
 public:
  // An interrupt is taken for 2 us, the middle of what is published for PEBS and IBS (nominal).
  static constexpr Traits kTraits{session::SourceKind::kMemorySamples,
                                  Reach::kAll,
                                  Memory::kFiles,
                                  Grain::kBlock,
                                  Bytes(64),
                                  60,
                                  Nanoseconds(),
                                  milliseconds(100),
                                  Nanoseconds(2000)};

  constexpr MemorySamples() = default;
  /// Opens the events for the calling thread and all that it will start.
  Status attach(const SampleEvent* events, std::uint32_t count);
  Status open(const Field& field);
  int begin_run(const BlockRun&) { return 0; }
  int begin();
  int end();
  int end_run(const BlockRun& run, std::uint32_t* counts);
  void close();

  /// What a sample stands for, by the first event that is not only there to lead.
  Bytes per_observation() const { return per_sample_; }
  const SampleCounts& counts() const { return counts_; }

 private:
  void count(const std::byte* records, std::size_t size);
  void count(const SampleRecord& record);

  os::SampleRings rings_;
  Field field_;
  std::uint32_t* found_ = nullptr;  ///< for each block of the field, in this window
  std::byte* records_ = nullptr;    ///< copied out of a ring
  Bytes per_sample_;
  std::uint32_t pid_ = 0;
  SampleCounts counts_;
  Error why_not_;  ///< attach() failed; its message is empty when nobody tried
};
static_assert(AccessSource<MemorySamples>);

}  // namespace terrace::sources
