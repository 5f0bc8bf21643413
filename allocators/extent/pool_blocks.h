// SPDX-License-Identifier: Apache-2.0
// The blocks of objects that lie on DAX tiers: which block of which pool is under each block of the
// arena, from the claim until nobody needs its content. A pool may hold less than its tier's
// capacity says, since other processes take from it too; what it lacks goes, with its capacity, to
// the next tier by Capacity's rule.
// Between TieredExtents and backing::BlockPool. Serialised by the runtime's lock; never allocates
// from the heap; errors as errno values.
#pragma once

#include <cstdint>

#include "allocators/backing/block_pool.h"
#include "allocators/extent/arena.h"
#include "allocators/extent/capacity.h"

namespace terrace::extent {

class PoolBlocks {
 public:
  constexpr PoolBlocks() = default;
  void configure(const Arena& arena, Capacity& capacity);
  /// The tier's blocks come from this pool, which is open.
  void add_pool(std::uint32_t tier, backing::BlockPool& pool);

  bool on_pool(std::uint8_t tier) const { return tier < kMaxTiers && pools_[tier] != nullptr; }
  const backing::BlockPool& pool(std::uint8_t tier) const { return *pools_[tier]; }
  /// The pool's block under a block of the arena that is on a DAX tier and reserved.
  std::uint32_t pool_block(std::uint32_t block) const;

  /// Claims a block for each of the object's blocks on a DAX tier; afterwards the tiers are those
  /// that it got. ENOMEM: for some there was no room on any tier, these have kNoTier.
  int reserve(const Object& object) { return reserve(object, TierSet()); }
  /// The same for one of its blocks, which goes nowhere else when there is none: false.
  bool reserve_block(const Object& object, std::uint32_t index) { return claim(object, index) > 0; }
  /// Reserves, maps and zeroes the object's blocks on DAX tiers. A pool that cannot be mapped
  /// counts as one without blocks.
  int map_object(const Object& object);
  /// Maps a reserved run as it is.
  int map_run(std::uint32_t first, std::uint32_t count, std::uint8_t tier) const;
  /// The same copy-on-write, where the pool can.
  int map_run_private(std::uint32_t first, std::uint32_t count, std::uint8_t tier) const;
  /// Maps it a second time, at `view`.
  int map_view(char* view, std::uint32_t first, std::uint32_t count, std::uint8_t tier) const;
  /// Zeroes a mapped run.
  void clear_run(std::uint32_t first, std::uint32_t count) const;
  /// For blocks that no mapping of this process shows any more, before they lose their tier. A
  /// frozen object's stay claimed until this process ends: a child may still see them.
  void release(const Object& object, std::uint32_t first, std::uint32_t count);

  /// Blocks that this process holds of a tier's pool.
  std::uint64_t held(std::uint32_t tier) const { return held_[tier]; }
  /// In a fork's child: what it sees belongs to the parent, and the pools give it nothing.
  void abandon_in_child();

 private:
  int reserve(const Object& object, TierSet without);
  bool spill(const Object& object, std::uint32_t index, TierSet without);
  std::uint32_t claim(const Object& object, std::uint32_t index);
  std::uint8_t map_reserved(const Object& object) const;
  void unmap_tier(const Object& object, std::uint8_t tier);
  template <typename Body>
  int for_each_extent(std::uint32_t first, std::uint32_t count, Body body) const;

  const Arena* arena_ = nullptr;
  Capacity* capacity_ = nullptr;
  bool any_ = false;  ///< a pool at all; without, nothing here costs anything
  bool abandoned_ = false;
  backing::BlockPool* pools_[kMaxTiers] = {};
  std::uint64_t held_[kMaxTiers] = {};
};

}  // namespace terrace::extent
