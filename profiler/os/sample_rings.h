// SPDX-License-Identifier: Apache-2.0
// perf_event_open(2) for the process that it is called in: one ring buffer for each CPU, which all
// events of that CPU share. A thread that is there before is not seen, one that comes later is
// (inherit), so it is opened by the main thread before there are others. Buffers of single CPUs,
// since the kernel maps none of an inherited event that follows its thread.
// One owner; address space and descriptors in open() alone, nothing is allocated. Errors: errno
// values.
#pragma once

#include <cstddef>
#include <cstdint>

#include <terrace/result.h>

namespace terrace::os {

struct SampleRequest {
  std::uint32_t type = 0;
  std::uint64_t config = 0;
  std::uint64_t config1 = 0;
  std::uint64_t config2 = 0;
  std::uint64_t period = 0;
  std::uint64_t sample_type = 0;
  std::uint32_t precise = 0;      ///< as much of it as the processor does
  bool leads = false;             ///< the next request is of its group
  bool may_be_whole_cpu = false;  ///< of all processes, where the event follows none
};

class SampleRings {
 public:
  static constexpr std::uint32_t kMaxCpus = 512;
  static constexpr std::uint32_t kMaxEvents = 4;
  static constexpr std::size_t kRingBytes = 128u << 10;

  constexpr SampleRings() = default;
  SampleRings(const SampleRings&) = delete;
  SampleRings& operator=(const SampleRings&) = delete;

  /// Opened and stopped. kCapabilityMissing with the remedy.
  Status open(const SampleRequest* requests, std::uint32_t count);
  bool is_open() const { return cpu_count_ != 0; }
  int start();
  int stop();
  std::uint32_t cpu_count() const { return cpu_count_; }

  /// Copies what is in the ring of the nth CPU to `to` (kRingBytes), frees it there, and returns
  /// its length.
  std::size_t take(std::uint32_t cpu, std::byte* to);
  /// Also in a fork's child, which has the descriptors and not the buffers.
  void close();

 private:
  struct Ring {
    int fds[kMaxEvents] = {-1, -1, -1, -1};
    void* pages = nullptr;
  };
  int open_cpu(Ring& ring, std::uint32_t cpu, const SampleRequest* requests, std::uint32_t count);
  int control(unsigned long request);
  void close_descriptors(Ring& ring);

  std::uint32_t cpu_count_ = 0;
  Ring rings_[kMaxCpus] = {};
};

}  // namespace terrace::os
