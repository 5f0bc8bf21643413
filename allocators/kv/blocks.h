// SPDX-License-Identifier: Apache-2.0
// The blocks of all sequences and what is cached of former ones: where each is, who leases it, what
// lies behind it, and which may go. Its rules: a block that is leased, or moves between tiers, goes
// nowhere else; one that has a cached child in its own tier or a faster one does not leave its
// tier; one that has any cached child is not dropped, since a child without its parent could never
// be found. A look-up compares tokens, parent and root: the hash is only the way to them.
// Where it stands: cache.cc leases and seals, moves.cc moves.
// The cache's lock guards it (shared: const methods). After construction, looking up a prefix and
// losing a block allocate, nothing else.
#pragma once

#include <oneapi/tbb/cache_aligned_allocator.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "allocators/kv/cache.h"
#include "allocators/kv/chain_hash.h"
#include "allocators/kv/chain_index.h"
#include "allocators/kv/copy_queue.h"
#include "allocators/kv/places.h"

namespace terrace::kv {

using BlockId = std::uint32_t;
inline constexpr BlockId kNoBlock = ChainIndex::kNone;

enum class BlockKind : std::uint8_t {
  kFree = 0,    ///< no block
  kOpen = 1,    ///< one sequence's last (or several forks'), not full or not written
  kSealed = 2,  ///< written, not in the index: found by nobody
  kCached = 3,  ///< written and in the index
};

enum class Moving : std::uint8_t {
  kNo = 0,
  kDemotion = 1,  ///< is copied to `other`
  kArrival = 2,   ///< is being filled from `other`, or from the store: kNoPlace
  kAhead = 3,     ///< leased where it is, is copied to `other`
  kReady = 4,     ///< the copy is there: step() changes places
  kHeld = 5,      ///< is being written to the store, where it is
};

/// On lines of memory of its own: threads that append change neighbours at once.
struct alignas(64) Block {
  ChainHash hash = 0;
  ChainRoot root;
  BlockId parent = kNoBlock;
  std::uint32_t position = 0;  ///< in its chain
  std::uint32_t filled = 0;    ///< tokens: all, but for the kept tail of a paused sequence
  std::uint32_t leases = 0;
  std::uint32_t children = 0;                          ///< cached ones
  std::array<std::uint32_t, kMaxTiers> children_on{};  ///< by tier
  Place place = kNoPlace;
  Place other = kNoPlace;
  BlockKind kind = BlockKind::kFree;
  Moving moving = Moving::kNo;
  bool known = false;    ///< to its tier's policy
  bool offered = false;  ///< as a candidate, to its tier's policy
  bool lost = false;
  std::uint32_t copiers = 0;     ///< appends that read it without the lock: it stays where it is
  std::shared_ptr<CopyJob> job;  ///< while it arrives
};

class Blocks {
 public:
  Blocks(const CacheOptions& options, Places& places);

  const Block& operator[](BlockId id) const { return blocks_[id]; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(blocks_.size()); }
  std::uint32_t tier_of(BlockId id) const { return places_.tier_of(blocks_[id].place); }

  /// Of a cached block; they stay as long as it does.
  std::span<const Token> tokens_of(BlockId id) const {
    return {tokens_.data() + std::size_t{id} * block_tokens_, blocks_[id].filled};
  }
  /// Of a cached block, with a store: the salt of its record.
  std::uint64_t store_salt(BlockId id) const { return store_salts_[id]; }

  /// The cached block of this hash whose parent, root and tokens are these; else kNoBlock.
  BlockId find(ChainHash hash, BlockId parent, const ChainRoot& root,
               std::span<const Token> tokens) const;
  /// The cached block of this hash that begins with these tokens.
  BlockId find_beginning(ChainHash hash, BlockId parent, const ChainRoot& root,
                         std::span<const Token> tokens) const;
  /// The cached block of this hash, whatever its tokens.
  BlockId find(ChainHash hash) const { return index_.find(hash); }
  /// Blocks of the longest cached prefix: hashes[i] is of the i-th block's tokens.
  std::vector<BlockId> longest_prefix(std::span<const ChainHash> hashes, const ChainRoot& root,
                                      std::span<const Token> tokens) const;

  /// Fetches what seal() of this block will touch; without the lock.
  void expect_seal(BlockId id, ChainHash hash) const {
    index_.expect(hash);
    __builtin_prefetch(&blocks_[id], 1);
    __builtin_prefetch(&tokens_[std::size_t{id} * block_tokens_], 1);
  }

  /// A request wants blocks of these hashes; the first of them are `found`.
  void asked(std::span<const ChainHash> hashes, std::span<const BlockId> found);

  /// An open block with one lease, on the fastest tier that has room or can make some by dropping
  /// what is cached; kNoBlock when all is leased or moves.
  BlockId open();
  void lease(BlockId id);
  /// With the last lease a block that nobody can find is gone. `chain_blocks`: of its sequence.
  void unlease(BlockId id, std::uint32_t chain_blocks);

  /// The open block is full and written: it is cached behind its parent. When another one has the
  /// same content already, that is returned, leased, and the open one is gone. When its hash is
  /// another's, or its parent cannot be found, it stays out of the index.
  BlockId seal(BlockId id, ChainHash hash, BlockId parent, const ChainRoot& root,
               std::uint32_t position, std::span<const Token> tokens);
  /// A leased block that is written and nobody else's becomes an open one again. False: it is not.
  bool reopen(BlockId id);
  /// Would it be, with the lease of who asks?
  bool may_reopen(BlockId id) const;

  /// The address's slot is used no more. The block in it, if any, is found by nobody from now on,
  /// and neither is what is cached behind it: without it that is of no use, and may have been
  /// computed from what was damaged already. Walks all blocks. Throws std::bad_alloc, with nothing
  /// changed.
  void lose(Place place);
  /// An open block whose contents are of a lost one; its own slot is good.
  void set_lost(BlockId id) { blocks_[id].lost = true; }
  BlockId block_at(Place place) const {
    return at_[places_.tier_of(place)][places_.slot_of(place)];
  }

  /// The block that the tier's policy would have go first; kNoBlock: none may.
  BlockId least(std::uint32_t tier);
  /// Whether the tier's policy would rather drop its own least block than this one.
  bool wanted_on(std::uint32_t tier, BlockId id) const {
    return policies_[tier]->wants(told_of(blocks_[id], id));
  }
  /// Of a block that least() named and that has no child.
  void drop(BlockId id);
  /// Drops what is worth least on the slowest tier that has something, `from` at least.
  bool drop_least(std::uint32_t from);

  // For moves.cc: a block between two places; or held in its own, with kNoPlace for the other.
  void begin_move(BlockId id, Moving how, Place other);
  void set_moving(BlockId id, Moving how) { blocks_[id].moving = how; }
  /// Between them a leased block does not change places.
  void begin_copy(BlockId id) { ++blocks_[id].copiers; }
  void end_copy(BlockId id) { --blocks_[id].copiers; }
  void set_job(BlockId id, std::shared_ptr<CopyJob> job) { blocks_[id].job = std::move(job); }
  /// `place` and `other` change roles.
  void swap_places(BlockId id);
  /// `other` is free again.
  void end_move(BlockId id);

  std::uint64_t leased() const { return leased_; }
  std::uint64_t moving() const { return moving_; }
  std::uint64_t evicted() const { return evicted_; }
  std::uint64_t spilled() const { return spilled_; }
  std::uint64_t lost() const { return lost_; }

 private:
  KvBlock told_of(const Block& block, BlockId id) const;
  Place take_place();
  bool drop_any_leaf(std::uint32_t from);
  void set_at(Place place, BlockId id);
  void count_at_parent(const Block& block, std::uint32_t change);
  void leave_policy(BlockId id);
  void unindex(BlockId id);
  std::vector<BlockId> cached_behind(std::uint32_t position) const;
  void forget_orphans(std::span<const BlockId> cached);
  void offer_or_hold(BlockId id);
  void free_if_unused(BlockId id);

  Places& places_;
  std::uint32_t block_tokens_;
  ChainIndex index_;
  std::vector<Block> blocks_;
  /// block_tokens of each, from the beginning of a line of memory.
  std::vector<Token, tbb::cache_aligned_allocator<Token>> tokens_;
  std::vector<BlockId> free_;
  std::vector<std::vector<BlockId>> at_;  ///< by tier and slot
  std::vector<std::unique_ptr<EvictionPolicy>> policies_;
  std::vector<std::uint32_t> chain_blocks_;  ///< what its policy is told of its request
  ChainHasher second_hasher_;
  std::vector<ChainHash> store_salts_;  ///< chain hashes by that; empty: no store
  std::uint64_t requests_ = 0;
  std::uint64_t leased_ = 0;
  std::uint64_t moving_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t spilled_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace terrace::kv
