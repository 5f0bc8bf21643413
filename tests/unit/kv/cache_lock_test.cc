// SPDX-License-Identifier: Apache-2.0
// The cache's locks: who is in with whom, and that everybody gets in.
#include "allocators/kv/cache_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace terrace::kv {
namespace {

constexpr int kTurns = 20000;

template <typename Work>
void on_threads(int count, Work work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

TEST(SequenceLock, LetsOneInAtATime) {
  SequenceLock lock;
  int turns = 0;
  on_threads(4, [&] {
    for (int i = 0; i < kTurns; ++i) {
      const std::lock_guard held(lock);
      ++turns;
    }
  });
  EXPECT_EQ(turns, 4 * kTurns);
}

TEST(CacheLock, ReadersNeverSeeAWriterHalfDone) {
  CacheLock lock;
  int first = 0;
  int second = 0;
  std::atomic<bool> written{false};
  std::atomic<int> torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!written) {
        const std::shared_lock held(lock);
        if (first != second) ++torn;
      }
    });
  }
  on_threads(2, [&] {
    for (int i = 0; i < kTurns; ++i) {
      const std::unique_lock held(lock);
      ++first;
      ++second;
    }
  });
  written = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(first, 2 * kTurns);
  EXPECT_EQ(second, 2 * kTurns);
  EXPECT_EQ(torn, 0);
}

TEST(CacheLock, ReadersAreInTogether) {
  CacheLock lock;
  std::atomic<int> in{0};
  on_threads(2, [&] {
    const std::shared_lock held(lock);
    ++in;
    while (in < 2) std::this_thread::yield();
  });
  EXPECT_EQ(in, 2);
}

/// Readers that take turns would keep a writer out for ever, if it had to find nobody there.
TEST(CacheLock, AWriterGetsInBetweenReadersThatNeverAllLeave) {
  CacheLock lock;
  std::atomic<bool> wrote{false};
  std::vector<std::thread> readers;
  std::atomic<int> in{0};
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!wrote) {
        const std::shared_lock held(lock);
        ++in;
        // Until the other one is there as well, or the writer waits, which keeps that one out.
        for (int look = 0; look < 1000 && in < 2; ++look) std::this_thread::yield();
        --in;
      }
    });
  }
  {
    const std::unique_lock held(lock);
    wrote = true;
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace terrace::kv
