// SPDX-License-Identifier: Apache-2.0
// Copies KV blocks between tiers on a thread of its own: demotions, and prefetches whose first
// layers have to be there first. Where it stands: cache.h decides what is copied and keeps both
// places reserved; this copies layer 0 of all of a job's blocks, then layer 1, and so on, and tells
// how far it is. A more urgent job goes first from the next layer (or 1 MiB) on.
// Thread-safe. Allocates when a job is submitted. A copy reads what may lie behind an emulated
// link: waits happen on this thread, never under a lock of the cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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
  /// Nothing of it is copied any more, and its `when_done` has returned.
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  /// True when it was cancelled before everything was there.
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 private:
  friend class CopyQueue;
  std::vector<BlockCopy> copies_;
  std::function<void()> when_done_;
  std::int32_t priority_ = 0;
  std::uint64_t number_ = 0;  ///< older jobs of a priority go first
  // The queue's thread's own: how far it is in layer layers_done_.
  std::size_t block_ = 0;
  std::uint64_t offset_ = 0;  ///< bytes of that block's part
  std::atomic<std::uint32_t> layers_done_{0};
  std::atomic<bool> ended_{false};
  std::atomic<bool> cancelled_{false};
};

struct CopyStats {
  std::uint64_t jobs = 0;     ///< ended, cancelled ones too
  std::uint64_t blocks = 0;   ///< copied whole
  Nanoseconds busy;           ///< spent copying
  std::uint32_t waiting = 0;  ///< calls of wait_layer() and drain() that wait now
};

class CopyQueue {
 public:
  /// Throws std::system_error when the process can have no more threads.
  explicit CopyQueue(const Shape& shape);
  /// Cancels every job and waits for the piece that is being copied. Threads in wait_layer() and
  /// drain() return first; no other call is in it.
  ~CopyQueue();
  CopyQueue(const CopyQueue&) = delete;
  CopyQueue& operator=(const CopyQueue&) = delete;

  /// Both places stay valid, and the source unchanged, until the job has ended. `when_done` runs
  /// once on the queue's thread, after the last layer or the cancellation, with no lock held; it
  /// may submit and cancel, but neither wait nor drain.
  std::shared_ptr<CopyJob> submit(std::vector<BlockCopy> copies, std::int32_t priority,
                                  std::function<void()> when_done);
  /// Until layers [0, layer] are there, or the job was cancelled (false). Layers beyond the last
  /// are the last. One atomic read when they are there already.
  bool wait_layer(CopyJob& job, std::uint32_t layer);
  /// Returns when nothing of it is being copied any more.
  void cancel(CopyJob& job);
  /// Until every job that was submitted has ended.
  void drain();
  CopyStats stats() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace terrace::kv
