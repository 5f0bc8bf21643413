// SPDX-License-Identifier: Apache-2.0
// Hands blocks to the prefix store on a thread of its own: those that a second sequence has found,
// and when the cache closes the others, as far as there is room. Parents go before their children,
// and many blocks at once, since each batch waits for storage. A block that is being written stays
// where it is (Moves::hold); everybody else may read it.
// Where it stands: cache_enter.cc says what was found, cache.cc closes. Functions marked "lock
// held" are called under the cache's lock, the others without it. Allocates when it is made and on
// its own thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "allocators/kv/blocks.h"
#include "allocators/kv/cache_lock.h"
#include "allocators/kv/moves.h"
#include "allocators/kv/places.h"
#include "allocators/kv/prefix_store.h"
#include "allocators/os/thread.h"

namespace terrace::kv {

class Keeper {
 public:
  /// Throws std::system_error when the process can have no more threads.
  Keeper(PrefixStore& store, const Shape& shape, Places& places, Blocks& blocks, Moves& moves,
         CacheLock& lock);
  /// What is not written by then is not kept.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Lock held. A sequence has found these, parents first: the store learns of their use, and gets
  /// those that it has not.
  void found(std::span<const BlockId> blocks);
  /// Keeps all that is cached, the first blocks of prompts first, until the store is full or `most`
  /// is over. What is in the store already is not replaced.
  void keep_rest(Nanoseconds most);
  /// Until nothing is left that could be written now.
  void drain();
  /// The storage failed: nothing more is kept.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  struct Wanted {
    BlockId id;
    ChainHash hash;  ///< another one by then: the number stands for another block
  };
  /// First in, first out, each block once at most, so that as many entries as blocks will do.
  class WantedQueue {
   public:
    explicit WantedQueue(std::size_t blocks) : items_(blocks) {}
    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    void push(const Wanted& one) { items_[(first_ + size_++) % items_.size()] = one; }
    Wanted pop() {
      const Wanted one = items_[first_];
      first_ = (first_ + 1) % items_.size();
      --size_;
      return one;
    }

   private:
    std::vector<Wanted> items_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
  };
  static void* enter(void* keeper);
  void work();
  Wanted take_wanted();
  std::vector<Wanted> take_batch();
  bool is_there(const Wanted& one) const;
  void want(BlockId id);
  void put_back(const Wanted& one);
  void forget_wanted();
  void keep_some(std::unique_lock<CacheLock>& held);
  void hold(std::span<const Wanted> batch, std::vector<BlockId>& held_blocks);
  void write(std::span<const BlockId> held_blocks, std::vector<StoredBlock>& blocks,
             std::unique_lock<CacheLock>& held);
  StoredBlock stored(BlockId id) const;
  std::uint64_t most_at_once() const;

  PrefixStore& store_;
  const Shape shape_;
  Places& places_;
  Blocks& blocks_;
  Moves& moves_;
  CacheLock& lock_;
  std::condition_variable_any wake_;
  std::condition_variable_any idle_;
  // The lock guards what follows.
  WantedQueue wanted_;
  std::vector<bool> is_wanted_;  ///< by block
  Nanoseconds deadline_;         ///< 0: none
  bool busy_ = false;
  bool blocked_ = false;  ///< nothing that is wanted can be held just now
  bool stopping_ = false;
  std::atomic<bool> failed_{false};
  os::JoinedThread thread_;
};

}  // namespace terrace::kv
