// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/rounding.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace terrace::plan {
namespace {

// What each tier is owed, carried on from one range to the next of its kind: each prefix of the
// address order then holds the programme's shares to within one block, and whole blocks lost to
// rounding in one phase are made good in the next.
using Owed = std::vector<double>;

std::size_t furthest_behind(const Owed& owed, const TierRoom& room, TierMask allowed) {
  std::size_t most = owed.size();
  for (std::size_t tier = 0; tier < owed.size(); ++tier) {
    if (!room.has(tier, allowed)) continue;
    if (most == owed.size() || owed[tier] > owed[most] + 1e-12) most = tier;
  }
  return most;
}

// A tier for each of the range's blocks, any of them as good as the other.
std::vector<std::uint8_t> striped_tiers(const Range& range, const double* blocks_on_tier,
                                        Owed& owed, TierRoom& room) {
  const auto count = static_cast<double>(range.blocks.size());
  std::vector<std::uint8_t> tiers;
  for (std::size_t b = 0; b < range.blocks.size(); ++b) {
    for (std::size_t tier = 0; tier < owed.size(); ++tier) {
      owed[tier] += blocks_on_tier[tier] / count;
    }
    const std::size_t tier = furthest_behind(owed, room, range.allowed);
    owed[tier] -= 1;
    tiers.push_back(room.take(tier, range.allowed));
  }
  return tiers;
}

double heat_of(const model::Workload& workload, const BlockRef& ref) {
  return workload.objects[ref.object].blocks[ref.block].bytes_per_step;
}

void sort_hottest_first(const model::Workload& workload, std::vector<BlockRef>& blocks) {
  std::sort(blocks.begin(), blocks.end(), [&](const BlockRef& a, const BlockRef& b) {
    return std::make_tuple(-heat_of(workload, a), a.object, a.block) <
           std::make_tuple(-heat_of(workload, b), b.object, b.block);
  });
}

void place_by_heat(const model::Workload& workload, const Constraints& constraints,
                   std::vector<BlockRef> blocks, TierRoom& room, model::Assignment& where) {
  sort_hottest_first(workload, blocks);
  for (const BlockRef& ref : blocks) {
    where[ref.object][ref.block] = room.take(0, constraints.allowed_of(ref.object));
  }
}

using OwedKind = std::tuple<long, TierMask, std::uint8_t>;  // level, allowed, present

class RangePlacer {
 public:
  RangePlacer(const model::Workload& workload, const Programme& programme, const Solution& solution,
              TierRoom& room, model::Assignment& where)
      : workload_(workload),
        programme_(programme),
        solution_(solution),
        room_(room),
        where_(where) {}

  void stripe(std::size_t r) {
    const Range& range = programme_.ranges[r];
    const long level = std::lround(std::log(range.bytes_per_block) / std::log(1.1));
    const auto tiers = striped_tiers(range, shares(r), owed(level, range), room_);
    for (std::size_t b = 0; b < tiers.size(); ++b) put(range.blocks[b], tiers[b]);
  }

  void share_out(std::size_t r) {
    const Range& range = programme_.ranges[r];
    auto tiers = striped_tiers(range, shares(r), owed(0, range), room_);
    std::sort(tiers.begin(), tiers.end());
    std::vector<BlockRef> blocks = range.blocks;
    sort_hottest_first(workload_, blocks);
    for (std::size_t b = 0; b < tiers.size(); ++b) put(blocks[b], tiers[b]);
  }

  void forget_owed() { owed_.clear(); }

 private:
  const double* shares(std::size_t r) const { return &solution_.blocks[r * room_.tiers()]; }
  void put(const BlockRef& ref, std::uint8_t tier) { where_[ref.object][ref.block] = tier; }
  // Blocks that come from different tiers keep their accounts apart: a debt to one must not move a
  // block of the other.
  Owed& owed(long level, const Range& range) {
    const OwedKind kind{level, range.allowed, range.present};
    return owed_.try_emplace(kind, room_.tiers(), 0.0).first->second;
  }

  const model::Workload& workload_;
  const Programme& programme_;
  const Solution& solution_;
  TierRoom& room_;
  model::Assignment& where_;
  std::map<OwedKind, Owed> owed_;
};

}  // namespace

void place_untouched(const model::Workload& workload, const Constraints& constraints,
                     TierRoom& room, model::Assignment& where) {
  for (std::uint32_t o = 0; o < workload.objects.size(); ++o) {
    const model::ObjectLoad& object = workload.objects[o];
    if (!object.observed) continue;
    for (std::uint32_t b = 0; b < object.blocks.size(); ++b) {
      if (object.blocks[b].access != model::Access::kUntouched) continue;
      if (constraints.present_at({o, b}) != kNowhere) continue;
      where[o][b] = room.take(room.tiers() - 1, constraints.allowed_of(o));
    }
  }
}

void place_ranges(const model::Workload& workload, const Constraints& constraints,
                  const Programme& programme, const Solution& solution, TierRoom& room,
                  model::Assignment& where) {
  RangePlacer placer(workload, programme, solution, room, where);
  std::vector<std::size_t> alone;
  for (std::size_t r = 0; r < programme.ranges.size(); ++r) {
    if (programme.ranges[r].phase == kNoPhase) {
      alone.push_back(r);
    } else {
      placer.stripe(r);
    }
  }
  if (!constraints.has_present()) {
    std::vector<BlockRef> blocks;
    for (std::size_t r : alone) {
      const auto& of_range = programme.ranges[r].blocks;
      blocks.insert(blocks.end(), of_range.begin(), of_range.end());
    }
    place_by_heat(workload, constraints, std::move(blocks), room, where);
    return;
  }
  std::stable_sort(alone.begin(), alone.end(), [&](std::size_t a, std::size_t b) {
    return programme.ranges[a].bytes_per_block > programme.ranges[b].bytes_per_block;
  });
  placer.forget_owed();
  for (std::size_t r : alone) placer.share_out(r);
}

void keep_unobserved(const model::Workload& workload, const Constraints& constraints,
                     TierRoom& room, model::Assignment& where) {
  for (std::uint32_t o = 0; o < workload.objects.size(); ++o) {
    if (workload.objects[o].observed) continue;
    for (std::uint32_t b = 0; b < where[o].size(); ++b) {
      const std::uint8_t present = constraints.present_at({o, b});
      if (present != kNowhere) where[o][b] = room.take(present, constraints.allowed_of(o));
    }
  }
}

void place_unobserved(const model::Workload& workload, const Constraints& constraints,
                      TierRoom& room, model::Assignment& where) {
  for (std::uint32_t o = 0; o < workload.objects.size(); ++o) {
    if (workload.objects[o].observed) continue;
    for (std::uint32_t b = 0; b < where[o].size(); ++b) {
      if (constraints.present_at({o, b}) != kNowhere) continue;
      where[o][b] = room.take(0, constraints.allowed_of(o));
    }
  }
}

model::Assignment keep_present(const model::Workload& workload, const Constraints& constraints,
                               TierRoom room) {
  model::Assignment where;
  std::vector<BlockRef> fresh;
  for (std::uint32_t o = 0; o < workload.objects.size(); ++o) {
    const model::ObjectLoad& object = workload.objects[o];
    where.emplace_back(object.blocks.size(), std::uint8_t{0});
    for (std::uint32_t b = 0; b < object.blocks.size(); ++b) {
      const std::uint8_t present = constraints.present_at({o, b});
      if (present != kNowhere) where[o][b] = room.take(present, constraints.allowed_of(o));
      const bool touched = object.blocks[b].access != model::Access::kUntouched;
      if (present == kNowhere && object.observed && touched) fresh.push_back({o, b});
    }
  }
  place_untouched(workload, constraints, room, where);
  place_by_heat(workload, constraints, std::move(fresh), room, where);
  place_unobserved(workload, constraints, room, where);
  return where;
}

}  // namespace terrace::plan
