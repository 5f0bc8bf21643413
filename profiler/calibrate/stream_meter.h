// SPDX-License-Identifier: Apache-2.0
// The rate of several threads that stream together while something else happens. Under load a
// thread may come to run long after it was started: time is counted from when all of them run, and
// until one of them has read something, so that there is always a figure, and one of the memory.
// Used by the memory probe. One measurement each; thread-safe as said; never allocates.
#pragma once

#include <atomic>
#include <cstdint>
#include <latch>

#include "allocators/os/clock.h"

namespace terrace::calibrate {

class StreamMeter {
 public:
  explicit StreamMeter(int streams) : streams_(streams), running_(streams) {}

  /// By each stream, once, when it runs where it is to run.
  void begin() { running_.count_down(); }
  /// By a stream, for each chunk that it has read.
  void add(std::uint64_t bytes) {
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    bytes_.notify_one();
  }
  bool done() const { return done_.load(std::memory_order_relaxed); }

  /// Ends the streams without a figure; also those that have not begun.
  void stop() { done_.store(true, std::memory_order_relaxed); }
  /// Runs `own_work` while all streams run, ends them and returns their GB/s together: 0 without
  /// any.
  template <typename Work>
  double measure(Work own_work) {
    running_.wait();
    const Nanoseconds start = os::monotonic_now();
    const std::uint64_t before = bytes_.load(std::memory_order_relaxed);
    own_work();
    if (streams_ > 0) bytes_.wait(before, std::memory_order_relaxed);
    const std::uint64_t read = bytes_.load(std::memory_order_relaxed) - before;
    const Nanoseconds took = os::monotonic_now() - start;
    stop();
    return static_cast<double>(read) / static_cast<double>(took.value);
  }

 private:
  const int streams_;
  std::latch running_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<bool> done_{false};
};

}  // namespace terrace::calibrate
