// SPDX-License-Identifier: Apache-2.0
// Threads that count up the words of a range without a stop, each in words of its own, while it is
// moved under them: a write that is lost leaves a word behind its writer's rounds. For tests.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace terrace::migrate {

class CountingWriters {
 public:
  CountingWriters(char* at, std::size_t size)
      : words_(reinterpret_cast<std::uint64_t*>(at)), count_(size / sizeof(std::uint64_t)) {
    for (std::size_t i = 0; i < count_; ++i) words_[i] = 0;
    for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~CountingWriters() { stop(); }
  CountingWriters(const CountingWriters&) = delete;
  CountingWriters& operator=(const CountingWriters&) = delete;

  std::uint64_t rounds() const { return rounds_[0] + rounds_[1]; }

  ::testing::AssertionResult stop_and_check() {
    stop();
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t place = i / kStride;
      const std::uint64_t expected = i % kStride == 0 ? rounds_[place % kThreads].load() : 0;
      if (words_[i] == expected) continue;
      return ::testing::AssertionFailure()
             << "word " << i << " is " << words_[i] << ", not " << expected;
    }
    return ::testing::AssertionSuccess();
  }

 private:
  static constexpr std::size_t kThreads = 2;
  static constexpr std::size_t kStride = 64;  ///< words: eight of a page are written

  void run(std::size_t writer) {
    while (!stop_) {
      for (std::size_t i = writer * kStride; i < count_; i += kThreads * kStride) ++words_[i];
      ++rounds_[writer];
    }
  }
  void stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::uint64_t* words_;
  std::size_t count_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rounds_[kThreads] = {};
  std::vector<std::thread> threads_;
};

}  // namespace terrace::migrate
