// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/rounding.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace terrace::plan {
namespace {

// What each tier is owed, carried on from one range to the next of like heat: each prefix of the
// address order then holds the programme's shares to within one block, and whole blocks lost to
// rounding in one phase are made good in the next.
using Owed = std::vector<double>;

std::size_t furthest_behind(const Owed& owed, const TierRoom& room) {
  std::size_t most = owed.size();
  for (std::size_t tier = 0; tier < owed.size(); ++tier) {
    if (!room.has(tier)) continue;
    if (most == owed.size() || owed[tier] > owed[most] + 1e-12) most = tier;
  }
  return most;
}

void stripe_range(const Range& range, const double* blocks_on_tier, Owed& owed, TierRoom& room,
                  model::Assignment& where) {
  const auto count = static_cast<double>(range.blocks.size());
  for (const BlockRef& block : range.blocks) {
    for (std::size_t tier = 0; tier < owed.size(); ++tier) {
      owed[tier] += blocks_on_tier[tier] / count;
    }
    const std::size_t tier = furthest_behind(owed, room);
    owed[tier] -= 1;
    where[block.object][block.block] = room.take(tier);
  }
}

}  // namespace

void place_untouched(const model::Workload& workload, TierRoom& room, model::Assignment& where) {
  for (std::size_t o = 0; o < workload.objects.size(); ++o) {
    const model::ObjectLoad& object = workload.objects[o];
    if (!object.observed) continue;
    for (std::size_t b = 0; b < object.blocks.size(); ++b) {
      if (object.blocks[b].access != model::Access::kUntouched) continue;
      where[o][b] = room.take(room.tiers() - 1);
    }
  }
}

void place_ranges(const model::Workload& workload, const Programme& programme,
                  const Solution& solution, TierRoom& room, model::Assignment& where) {
  const std::size_t tiers = room.tiers();
  std::map<long, Owed> owed_by_heat;
  std::vector<BlockRef> by_heat;
  for (std::size_t r = 0; r < programme.ranges.size(); ++r) {
    const Range& range = programme.ranges[r];
    if (range.phase == kNoPhase) {
      by_heat.insert(by_heat.end(), range.blocks.begin(), range.blocks.end());
      continue;
    }
    const long level = std::lround(std::log(range.bytes_per_block) / std::log(1.1));
    Owed& owed = owed_by_heat.try_emplace(level, tiers, 0.0).first->second;
    stripe_range(range, &solution.blocks[r * tiers], owed, room, where);
  }
  const auto heat_of = [&](const BlockRef& ref) {
    return workload.objects[ref.object].blocks[ref.block].bytes_per_step;
  };
  std::sort(by_heat.begin(), by_heat.end(), [&](const BlockRef& a, const BlockRef& b) {
    return std::make_tuple(-heat_of(a), a.object, a.block) <
           std::make_tuple(-heat_of(b), b.object, b.block);
  });
  for (const BlockRef& ref : by_heat) where[ref.object][ref.block] = room.take(0);
}

void place_unobserved(const model::Workload& workload, TierRoom& room, model::Assignment& where) {
  for (std::size_t o = 0; o < workload.objects.size(); ++o) {
    if (workload.objects[o].observed) continue;
    for (std::uint8_t& tier : where[o]) tier = room.take(0);
  }
}

}  // namespace terrace::plan
