// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/places.h"

#include <algorithm>

namespace terrace::kv {

Places::Places(std::span<const TierPool> tiers, const Shape& shape)
    : base_(tiers.front().at), block_bytes_(shape.block_bytes().value) {
  for (const TierPool& pool : tiers) base_ = std::min(base_, pool.at);
  for (const TierPool& pool : tiers) {
    Tier tier;
    tier.first = static_cast<Place>(static_cast<std::uint64_t>(pool.at - base_) / block_bytes_);
    tier.slots = pool.blocks;
    tier.pool = std::make_unique<SlotPool>(pool.blocks);
    tier.bad.assign(pool.blocks, false);
    usable_ += pool.blocks;
    tiers_.push_back(std::move(tier));
  }
}

std::uint32_t Places::tier_of(Place place) const {
  std::uint32_t tier = 0;
  while (place - tiers_[tier].first >= tiers_[tier].slots) ++tier;
  return tier;
}

Place Places::find(const void* address) const {
  const auto* const at = static_cast<const std::byte*>(address);
  if (at < base_) return kNoPlace;
  const std::uint64_t number = static_cast<std::uint64_t>(at - base_) / block_bytes_;
  for (const Tier& tier : tiers_) {
    if (number >= tier.first && number - tier.first < tier.slots) return static_cast<Place>(number);
  }
  return kNoPlace;
}

Place Places::take(std::uint32_t tier) {
  Tier& from = tiers_[tier];
  for (KvSlot slot = from.pool->take(); slot != kNoSlot; slot = from.pool->take()) {
    if (!from.bad[slot]) return from.first + slot;
  }
  return kNoPlace;
}

void Places::give(Place place) {
  Tier& tier = tiers_[tier_of(place)];
  if (!tier.bad[place - tier.first]) tier.pool->give(place - tier.first);
}

bool Places::mark_bad(Place place) {
  Tier& tier = tiers_[tier_of(place)];
  if (tier.bad[place - tier.first]) return false;
  tier.bad[place - tier.first] = true;
  --usable_;
  return true;
}

}  // namespace terrace::kv
