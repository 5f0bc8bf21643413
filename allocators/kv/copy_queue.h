// SPDX-License-Identifier: Apache-2.0
// Copies KV blocks between tiers on a thread of its own: demotions, and prefetches whose first
// layers have to be there first. Where it stands: cache.h decides what is copied and keeps both
// places reserved; this copies layer 0 of all of a job's blocks, then layer 1, and so on, and tells
// how far it is. A more urgent job goes first from the next layer (or 1 MiB) on.
// Thread-safe. Allocates when a job is submitted. A copy reads what may lie behind an emulated
// link: waits happen on this thread, never under a lock of the cache.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <terrace/result.h>

#include "allocators/kv/shape.h"

namespace terrace::kv {

struct BlockCopy {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
};

class CopyJob {
 public:
  /// Layers [0, n) are there in all blocks. Acquire: what was copied may be read.
  std::uint32_t layers_done() const { return layers_done_.load(std::memory_order_acquire); }
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  /// True when it was cancelled before everything was there.
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  friend class CopyQueue;
  std::vector<BlockCopy> copies_;
  std::int32_t priority_ = 0;
  std::function<void()> when_done_;
  std::atomic<std::uint32_t> layers_done_{0};
  std::atomic<bool> ended_{false};
  std::atomic<bool> cancelled_{false};
};

struct CopyStats {
  std::uint64_t jobs = 0;
  std::uint64_t blocks = 0;  ///< copied whole
  Nanoseconds busy;          ///< spent copying
};

class CopyQueue {
 public:
  explicit CopyQueue(const Shape& shape);
  /// Cancels what has not begun and waits for the piece that is being copied.
  ~CopyQueue();
  CopyQueue(const CopyQueue&) = delete;
  CopyQueue& operator=(const CopyQueue&) = delete;

  /// Both places stay valid, and the source unchanged, until the job has ended. `when_done` runs
  /// once on the queue's thread, after the last layer or the cancellation, with no lock held.
  std::shared_ptr<CopyJob> submit(std::vector<BlockCopy> copies, std::int32_t priority,
                                  std::function<void()> when_done);
  /// Until layers [0, layer] are there, or the job was cancelled (false).
  bool wait_layer(CopyJob& job, std::uint32_t layer);
  /// Returns when nothing of it is being copied any more.
  void cancel(CopyJob& job);
  /// Until nothing is left to copy.
  void drain();
  CopyStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace terrace::kv
