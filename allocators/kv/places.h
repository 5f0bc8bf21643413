// SPDX-License-Identifier: Apache-2.0
// Places: one number for each slot of all tiers' pools, which is also its distance from the cache's
// base in blocks. Hands out free ones and keeps damaged ones back.
// Where it stands: blocks.h takes and gives places; tables (sequence.h) hold them.
// The cache's lock guards what changes; addresses and tiers of places never do. Allocates at
// construction only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "allocators/kv/cache.h"
#include "allocators/kv/slot_pool.h"

namespace terrace::kv {

using Place = std::uint32_t;
inline constexpr Place kNoPlace = ~Place{0};

class Places {
 public:
  /// Tiers as create() found them right.
  Places(std::span<const TierPool> tiers, const Shape& shape);

  std::byte* base() const { return base_; }
  std::byte* address(Place place) const { return base_ + place * block_bytes_; }
  std::uint32_t tiers() const { return static_cast<std::uint32_t>(tiers_.size()); }
  std::uint32_t slots(std::uint32_t tier) const { return tiers_[tier].slots; }
  std::uint32_t tier_of(Place place) const;
  KvSlot slot_of(Place place) const { return place - tiers_[tier_of(place)].first; }
  Place place_of(std::uint32_t tier, KvSlot slot) const { return tiers_[tier].first + slot; }
  /// kNoPlace: not in any pool.
  Place find(const void* address) const;

  /// kNoPlace when the tier is full.
  Place take(std::uint32_t tier);
  void give(Place place);
  std::uint32_t free(std::uint32_t tier) const { return tiers_[tier].pool->free(); }
  /// The place is not handed out again. False: it was marked before.
  bool mark_bad(Place place);
  /// Of all tiers, without bad ones.
  std::uint64_t usable() const { return usable_; }

 private:
  struct Tier {
    Place first = 0;
    std::uint32_t slots = 0;
    std::unique_ptr<SlotPool> pool;
    std::vector<bool> bad;
  };
  std::byte* base_ = nullptr;
  std::uint64_t block_bytes_ = 0;
  std::uint64_t usable_ = 0;
  std::vector<Tier> tiers_;
};

}  // namespace terrace::kv
