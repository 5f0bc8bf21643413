// SPDX-License-Identifier: Apache-2.0
// A thread that writes to memory while its pages are exchanged underneath. One owner.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>

namespace terrace::extent {

/// A thread that counts in every 4 KiB page while the pages are exchanged underneath.
class Writer {
 public:
  Writer(char* at, std::uint64_t bytes) : at_(at), bytes_(bytes), thread_([this] { run(); }) {}
  /// Each page's counter, after the thread ended, is what it counted to.
  void stop_and_check() {
    stop_.store(true);
    thread_.join();
    for (std::uint64_t i = 0; i < bytes_; i += kPage) {
      std::uint64_t value = 0;
      std::memcpy(&value, at_ + i, sizeof value);
      ASSERT_EQ(value, rounds_) << "page " << i / kPage << " lost a write";
    }
  }
  void wait_for_round(std::uint64_t round) const {
    while (seen_.load() < round) std::this_thread::yield();
  }
  std::uint64_t round() const { return seen_.load(); }

 private:
  static constexpr std::uint64_t kPage = 4096;
  void run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      for (std::uint64_t i = 0; i < bytes_; i += kPage) {
        auto* counter = reinterpret_cast<volatile std::uint64_t*>(at_ + i);
        *counter = *counter + 1;
      }
      seen_.store(++rounds_);
    }
  }

  char* at_;
  std::uint64_t bytes_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> seen_{0};
  std::uint64_t rounds_ = 0;
  std::thread thread_;
};

}  // namespace terrace::extent
