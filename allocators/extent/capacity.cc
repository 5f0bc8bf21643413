// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/capacity.h"

namespace terrace::extent {

void Capacity::add_tier(Bytes capacity) {
  limit_[tier_count_++] = capacity.value >> kBlockShift;
}

bool Capacity::try_take(std::uint32_t tier, TierSet without) {
  if (without.has(tier) || used_blocks(tier) >= limit_[tier]) return false;
  used_[tier].fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::uint32_t Capacity::take_block(std::uint32_t wanted, TierSet without) {
  if (try_take(wanted, without)) return wanted;
  for (std::uint32_t tier = wanted + 1; tier < tier_count_; ++tier) {
    if (!try_take(tier, without)) continue;
    spilled_.fetch_add(1, std::memory_order_relaxed);
    return tier;
  }
  for (std::uint32_t tier = wanted; tier-- > 0;) {
    if (!try_take(tier, without)) continue;
    spilled_.fetch_add(1, std::memory_order_relaxed);
    return tier;
  }
  return kMaxTiers;
}

}  // namespace terrace::extent
