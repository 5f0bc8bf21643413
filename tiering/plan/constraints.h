// SPDX-License-Identifier: Apache-2.0
// What a placement must keep to besides the capacities: the tiers that each object may lie on, and
// where its blocks lie at present, since a move has its price. Made from the rules and the present
// plan (placement_rules.h, present.h), read by programme and rounding. Plain values; allocates.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <terrace/units.h>

#include "tiering/model/step_model.h"

namespace terrace::plan {

/// Bit i: tier i.
using TierMask = std::uint32_t;
inline constexpr TierMask kAnyTier = UINT32_MAX;

constexpr bool allows(TierMask mask, std::size_t tier) {
  return (mask >> tier & 1u) != 0;
}

/// Present tier of a block that has no place yet.
inline constexpr std::uint8_t kNowhere = 255;

struct BlockRef {
  std::uint32_t object = 0;  ///< index in Workload::objects
  std::uint32_t block = 0;
};

struct Constraints {
  std::vector<TierMask> allowed;  ///< of each of the workload's objects; empty: any tier
  model::Assignment present;      ///< kNowhere for blocks without a place; empty: none has one
  double steps_in_horizon = 0;  ///< over which moves must pay; counts where `present` is not empty

  bool has_present() const { return !present.empty(); }
  TierMask allowed_of(std::size_t object) const {
    return allowed.empty() ? kAnyTier : allowed[object];
  }
  std::uint8_t present_at(const BlockRef& ref) const {
    return present.empty() ? kNowhere : present[ref.object][ref.block];
  }
};

/// What the move of a block costs: it is read on one link and written on the other at the same
/// time, so the slower counts; during it nothing else is taken to use that link.
inline double move_seconds(const model::Rates& rates, std::uint8_t from, std::uint8_t to) {
  if (from == kNowhere || from == to) return 0;
  const auto& seconds = rates.tier_seconds_per_byte;
  return static_cast<double>(kBlockBytes.value) * std::max(seconds[from], seconds[to]);
}

}  // namespace terrace::plan
