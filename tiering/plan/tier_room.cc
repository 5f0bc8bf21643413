// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/tier_room.h"

#include <algorithm>

namespace terrace::plan {
namespace {

// Unions of overlapping sets, over and over. Sets that share no tier need no union: their slacks
// add, so the union's cannot be negative when neither is.
std::vector<TierMask> connected_unions(const std::vector<Demand>& restricted, TierMask all) {
  std::vector<TierMask> sets;
  const auto add = [&](TierMask set) {
    if (set == all || std::find(sets.begin(), sets.end(), set) != sets.end()) return;
    sets.push_back(set);
  };
  for (const Demand& demand : restricted) add(demand.allowed & all);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if ((sets[i] & sets[j]) != 0) add(sets[i] | sets[j]);
    }
  }
  return sets;
}

}  // namespace

TierRoom::TierRoom(std::vector<std::uint64_t> free_blocks, const std::vector<Demand>& restricted)
    : free_(std::move(free_blocks)) {
  const TierMask all = static_cast<TierMask>((std::uint64_t{1} << free_.size()) - 1);
  for (const TierMask set : connected_unions(restricted, all)) {
    Slack slack{set, 0};
    for (std::size_t tier = 0; tier < free_.size(); ++tier) {
      if (allows(set, tier)) slack.blocks += static_cast<std::int64_t>(free_[tier]);
    }
    for (const Demand& demand : restricted) {
      if ((demand.allowed & all & ~set) == 0) {
        slack.blocks -= static_cast<std::int64_t>(demand.blocks);
      }
    }
    slack_.push_back(slack);
  }
}

}  // namespace terrace::plan
