// SPDX-License-Identifier: Apache-2.0
// Moves of blocks between tiers: room is made on the faster ones by demoting what is worth least
// there, ahead of need; what a sequence begins with arrives on the fastest tier that has room,
// layer by layer; what running sequences have on slower tiers is copied ahead and changes places in
// step(). Copies are made by copy_queue.h; here is decided what, and both places kept meanwhile.
// A move is begun only as long as all that is promised could be had beside its two places.
// The cache's lock guards it; ends of copies take that lock on the queue's thread. Allocates, but
// for what is said of fill() and expect(): a move for which there is no memory does not begin, and
// the block stays where it is.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "allocators/kv/admission.h"
#include "allocators/kv/blocks.h"
#include "allocators/kv/cache_lock.h"
#include "allocators/kv/copy_queue.h"
#include "allocators/kv/prefix_store.h"

namespace terrace::kv {

class Moves {
 public:
  /// One tier alone without a store needs no thread: nothing moves then.
  Moves(const CacheOptions& options, Places& places, Blocks& blocks, Admission& admission,
        CacheLock& lock);
  /// Cancels what is under way. The lock is not held.
  ~Moves();

  /// Demotes as far as tiers have fewer free slots than they should.
  void keep_room();
  /// Cached blocks on slower tiers that no table names get places on faster ones, at once, as far
  /// as there is room; their jobs fill them.
  void arrive(std::span<const BlockId> blocks, std::int32_t priority);
  /// As arrive(); what finds no room comes as soon as demotions have made some, in this order,
  /// unless it is leased or gone by then. Of the blocks that are waited for by that, the first half
  /// of the fastest tier's size are kept in mind. Throws std::bad_alloc, and has done nothing then.
  void expect(std::span<const BlockId> blocks, std::int32_t priority);
  /// Begins to copy leased blocks, which nobody writes any more, to the fastest tier.
  void copy_ahead(std::span<const BlockId> blocks, std::int32_t priority);
  /// Blocks whose copies are ready change places, but for those that are being copied. True: some
  /// did, and tables have to follow before the lock is opened.
  bool flip();

  /// Leased blocks that hold nothing yet are filled from the store's records, one for each, by
  /// layers. Throws std::bad_alloc, and they hold nothing still.
  void fill(std::span<const BlockId> blocks, std::vector<PrefixStore::Lease> from,
            std::int32_t priority);
  /// The block stays where it is, and as it is, until let_go(). False: it moves, or its place may
  /// be needed.
  bool hold(BlockId id);
  void let_go(std::span<const BlockId> blocks);

  /// Lock held, and open meanwhile: until there may be room to hold or move something, or wake().
  void wait_for_room(std::unique_lock<CacheLock>& held);
  void wake() { one_ended_.notify_all(); }
  /// Lock held, and open meanwhile: until a move has ended. False: none is under way.
  bool wait_for_one(std::unique_lock<CacheLock>& held);
  bool wait_layer(CopyJob& job, std::uint32_t layer) { return queue_->wait_layer(job, layer); }
  /// Without the lock.
  void drain();

  std::uint64_t demoted() const { return demoted_; }
  std::uint64_t promoted() const { return promoted_; }
  Nanoseconds prefetched() const { return prefetched_; }

 private:
  /// A block that comes when there is room.
  struct Expected {
    BlockId id;
    ChainHash hash;  ///< another one by then: the number stands for another block
    std::int32_t priority;
  };
  bool has_room_to_move() const;
  // The order counts: the queue's own thread may ask while the queue is being destroyed.
  bool may_move() const { return has_room_to_move() && queue_ != nullptr; }
  bool still_expected(const Expected& one) const;
  void forget_unexpected();
  void arrive_expected();
  Place place_below(std::uint32_t tier);
  Place place_above(std::uint32_t tier);
  bool drops_instead(std::uint32_t tier, BlockId id);
  bool demote_batch(std::uint32_t tier);
  bool submit(std::span<const BlockId> blocks, Moving how, std::int32_t priority);
  std::vector<BlockCopy> copies_of(std::span<const BlockId> blocks, Moving how) const;
  void queue_up(std::span<const BlockId> blocks, std::vector<BlockCopy> copies,
                std::vector<PrefixStore::Lease> from, Nanoseconds began, std::int32_t priority);
  void take_back(BlockId id);
  void ended(std::span<const BlockId> blocks, Nanoseconds began);
  void end_one(BlockId id);
  void end_demotion(BlockId id);
  std::uint32_t room_wanted(std::uint32_t tier) const;

  Places& places_;
  Blocks& blocks_;
  Admission& admission_;
  CacheLock& lock_;
  std::condition_variable_any one_ended_;
  std::vector<Expected> expected_;  ///< of fixed room, as ready_
  std::vector<BlockId> ready_;
  std::vector<std::uint32_t> leaving_;  ///< by tier: slots that demotions will free
  std::uint64_t demoted_ = 0;
  std::uint64_t promoted_ = 0;
  Nanoseconds prefetched_;
  std::uint32_t waiting_ = 0;  ///< in wait_for_room()
  bool stopping_ = false;
  std::unique_ptr<CopyQueue> queue_;  ///< last: its thread uses all of the above
};

}  // namespace terrace::kv
