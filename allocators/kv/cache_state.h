// SPDX-License-Identifier: Apache-2.0
// What a Cache consists of, for the files that hold its functions: cache.cc (the cache as a whole),
// cache_enter.cc (begin, fork, resume, prefetch), cache_store.cc (what they find in the store),
// cache_grow.cc (append, written, truncate), cache_leave.cc (pause, end) and cache_tail.cc (the
// last block of a paused sequence). `lock` guards all below it; a sequence's lock is taken before
// it, and a second sequence's only if it is free just then (unpromise_copy). What allocates is said
// in cache.h.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "allocators/kv/admission.h"
#include "allocators/kv/blocks.h"
#include "allocators/kv/cache.h"
#include "allocators/kv/cache_lock.h"
#include "allocators/kv/keeper.h"
#include "allocators/kv/moves.h"
#include "allocators/kv/places.h"
#include "allocators/kv/prefix_store.h"
#include "allocators/kv/sequence.h"

namespace terrace::kv {

/// For writing to the store what is cached when the cache closes.
inline constexpr Nanoseconds kMostClosing = milliseconds(5000);

struct Cache::State {
  explicit State(CacheOptions with)
      : options(std::move(with)),
        hasher(options.hash_seed, options.hash_mask),
        places(options.tiers, options.shape),
        blocks(options, places),
        admission(options.max_sequences),
        moves(options, places, blocks, admission, lock) {
    if (options.store == nullptr) return;
    keeper = std::make_unique<Keeper>(*options.store, options.shape, places, blocks, moves, lock);
  }

  const CacheOptions options;
  const ChainHasher hasher;
  const ChainHasher second_hasher = hasher.second();  ///< of records in the store
  std::atomic<std::uint64_t> next_id{1};
  std::atomic<std::uint64_t> waited_ns{0};
  mutable CacheLock lock;
  Places places;
  Blocks blocks;
  Admission admission;
  std::vector<SequenceRef> running;
  std::uint64_t paused = 0;
  std::uint64_t looked_up = 0;
  std::uint64_t copied = 0;
  std::uint64_t store_hits = 0;
  std::array<std::uint64_t, kMaxTiers> hits{};
  Moves moves;
  std::unique_ptr<Keeper> keeper;  ///< last: its thread uses all of the above; null: no store

  std::uint32_t block_tokens() const { return options.shape.block_tokens; }
  /// kNoRoom for what no slots of these pools could ever hold.
  Outcome check_cap(std::uint64_t max_tokens);
  /// One that does not run yet; its root is the caller's to set.
  SequenceRef make_sequence(std::uint64_t max_tokens, std::uint32_t tenant, std::int32_t priority);
  std::uint64_t blocks_for(std::uint64_t tokens) const {
    return tokens / block_tokens() + (tokens % block_tokens() != 0 ? 1 : 0);
  }
  /// Of the full blocks of these tokens.
  std::vector<ChainHash> hash_blocks(const ChainRoot& root, std::span<const Token> tokens) const {
    return hasher.blocks(root, tokens, block_tokens());
  }

  // Under the sequence's lock and the cache's.
  Outcome may_run(const Sequence& sequence, const Claim& claim);
  std::uint64_t promise_of(const Sequence& sequence) const;
  void renew_promise(Sequence& sequence) { set_promise(sequence, promise_of(sequence)); }
  void set_promise(Sequence& sequence, std::uint64_t promise);
  // Of a running sequence, for step(); its blocks and its table change under the cache's lock
  // alone.
  void follow_places(Sequence& sequence) const;
  void copy_ahead(const Sequence& sequence);
  /// Of a running sequence: the blocks that its tokens do not need yet (open_ahead).
  void give_back_ahead(Sequence& sequence);
  /// Table entries and arrivals of its blocks.
  void read_places(Sequence& sequence);
  void stop_running(Sequence& sequence);
  /// Of a last block that is nobody else's any more its one holder is promised no copy. While a
  /// call of its own is under way it keeps the promise, up to its next append.
  void unpromise_copy(BlockId last);
  /// All its blocks go back, the deepest first, and its table.
  void release_blocks(Sequence& sequence);
  // cache_tail.cc: the not full last block of a sequence that pauses, is truncated while it is
  // paused, resumes, or ends.
  void keep_tail(Sequence& sequence);
  void cut_tail(Sequence& sequence, std::uint64_t tokens);
  /// Behind all its full blocks, which were found.
  BlockId find_tail(const Sequence& sequence, std::span<const BlockId> found) const;
  /// Of a sequence that runs now, with its lease on it.
  void take_tail(Sequence& sequence, BlockId tail);
  void drop_tail(Sequence& sequence);
  Claim claim_of(const Sequence& sequence, std::span<const BlockId> found, BlockId tail) const;
  /// An open block, if need be after a move has ended.
  BlockId open_block(std::unique_lock<CacheLock>& held);

  // cache_store.cc
  bool may_be_stored(std::span<const ChainHash> hashes, std::size_t first,
                     const ChainRoot& root) const;
  /// End of the blocks from `first` on that the store has; without the cache's lock.
  std::size_t stored_prefix(std::span<const ChainHash> hashes, std::size_t first,
                            const ChainRoot& root, std::span<const Token> tokens) const;
  std::vector<PrefixStore::Lease> lease_stored(std::span<const ChainHash> hashes, std::size_t first,
                                               const ChainRoot& root,
                                               std::span<const Token> tokens) const;
  /// Of an admitted sequence that does not run yet, with hashes and tokens of all full blocks.
  /// Those behind the ones that it has are filled from the store; the lock is open while they are
  /// read and verified. Throws std::bad_alloc: what it has by then is as good as leased ones.
  void take_stored(Sequence& sequence, std::unique_lock<CacheLock>& held);
  /// All sequences end; what is worth it is written. Without the lock.
  void close_store();
};

Outcome has_ended();
/// kState or kEnded with the text, unless it runs.
Outcome must_run(const Sequence& sequence);
Outcome must_be_paused(const Sequence& sequence);

}  // namespace terrace::kv
