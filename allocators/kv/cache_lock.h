// SPDX-License-Identifier: Apache-2.0
// The cache's locks. CacheLock guards blocks: shared for look-ups, alone for changes. SequenceLock
// guards one sequence. What is done under them takes some hundred nanoseconds, and each is taken
// for every token or block, so that they are made for being free: one atomic exchange to lock and a
// plain store to unlock. oneTBB's rw_mutex and std::mutex, which wake whoever sleeps, need a second
// atomic operation or more for that: with them a block appended and truncated took 78 ns in place
// of 48 (docs/life-of-a-kv-block.md). Whoever waits spins, then sleeps (backoff.h).
// Never allocate.
#pragma once

#include <atomic>
#include <cstdint>

#include "allocators/kv/backoff.h"

namespace terrace::kv {

class SequenceLock {
 public:
  void lock() {
    for (Backoff backoff; held_.exchange(true, std::memory_order_acquire);) {
      while (held_.load(std::memory_order_relaxed)) backoff.wait();
    }
  }
  bool try_lock() { return !held_.exchange(true, std::memory_order_acquire); }
  void unlock() { held_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> held_{false};
};

/// Writers go before readers that come while they wait.
class CacheLock {
 public:
  void lock() {
    std::uint32_t free = 0;
    if (!state_.compare_exchange_strong(free, kWriter, std::memory_order_acquire)) wait_to_write();
  }
  /// Readers do not change the state while a writer is in.
  void unlock() { state_.store(0, std::memory_order_release); }

  void lock_shared() {
    for (Backoff backoff;; backoff.wait()) {
      std::uint32_t state = state_.load(std::memory_order_relaxed);
      const bool open = state != kWriter && writers_waiting_.load(std::memory_order_relaxed) == 0;
      if (open && state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire)) return;
    }
  }
  void unlock_shared() { state_.fetch_sub(1, std::memory_order_release); }

 private:
  static constexpr std::uint32_t kWriter = ~std::uint32_t{0};

  void wait_to_write() {
    writers_waiting_.fetch_add(1, std::memory_order_relaxed);
    std::uint32_t free = 0;
    for (Backoff backoff; !state_.compare_exchange_weak(free, kWriter, std::memory_order_acquire);
         free = 0) {
      while (state_.load(std::memory_order_relaxed) != 0) backoff.wait();
    }
    writers_waiting_.fetch_sub(1, std::memory_order_relaxed);
  }

  std::atomic<std::uint32_t> state_{0};  ///< readers that are in, or kWriter
  std::atomic<std::uint32_t> writers_waiting_{0};
};

}  // namespace terrace::kv
