// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/placement_table.h"

#include <cassert>

namespace terrace::policy {

std::uint64_t PlacementTable::free_in_all() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t blocks : free_) sum += blocks;
  return sum;
}

std::uint8_t PlacementTable::allocate(BlockId block, std::size_t wanted) {
  assert(tier_of_[block] == kNowhere && free_in_all() > 0);
  std::size_t tier = wanted;
  while (tier < free_.size() && free_[tier] == 0) ++tier;
  if (tier == free_.size()) {
    tier = wanted;
    while (free_[tier] == 0) --tier;
  }
  --free_[tier];
  tier_of_[block] = static_cast<std::uint8_t>(tier);
  came_from_[block] = kNowhere;
  return tier_of_[block];
}

void PlacementTable::release(BlockId block) {
  assert(tier_of_[block] != kNowhere);
  ++free_[tier_of_[block]];
  tier_of_[block] = kNowhere;
}

void PlacementTable::relocate(BlockId block, std::uint8_t tier) {
  const std::uint8_t from = tier_of_[block];
  ++link_blocks_[from];
  ++link_blocks_[tier];
  ++counts_.moves;
  if (came_from_[block] == tier) ++counts_.back_and_forth;
  came_from_[block] = from;
  tier_of_[block] = tier;
}

bool PlacementTable::move(BlockId block, std::uint8_t tier) {
  if (tier_of_[block] == tier || free_[tier] == 0) return false;
  --free_[tier];
  ++free_[tier_of_[block]];
  relocate(block, tier);
  return true;
}

void PlacementTable::exchange(BlockId a, BlockId b) {
  const std::uint8_t tier_a = tier_of_[a];
  const std::uint8_t tier_b = tier_of_[b];
  assert(tier_a != kNowhere && tier_b != kNowhere && tier_a != tier_b);
  relocate(a, tier_b);
  relocate(b, tier_a);
}

bool PlacementTable::demote(BlockId block) {
  for (std::size_t tier = tier_of_[block] + std::size_t{1}; tier < free_.size(); ++tier) {
    if (move(block, static_cast<std::uint8_t>(tier))) return true;
  }
  return false;
}

}  // namespace terrace::policy
