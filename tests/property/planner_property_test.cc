// SPDX-License-Identifier: Apache-2.0
// Properties of the planner that hold for every machine and heat map, over random ones. The seed is
// printed; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "tests/property/planner_cases.h"

namespace terrace::plan::planner_property_test {
namespace {

/// The least step time of all placements that fit, by trying each.
double best_by_enumeration(const Priced& priced) {
  Assignment where;
  for (const auto& object : priced.workload.objects) {
    where.emplace_back(object.blocks.size(), std::uint8_t{0});
  }
  std::vector<std::uint8_t*> blocks;
  for (auto& object : where) {
    for (auto& tier : object) blocks.push_back(&tier);
  }
  std::vector<std::uint64_t> room = priced.capacity;
  double best = HUGE_VAL;
  const std::function<void(std::size_t)> place = [&](std::size_t index) {
    if (index == blocks.size()) {
      best = std::min(best, priced.seconds(where));
      return;
    }
    for (std::size_t tier = 0; tier < room.size(); ++tier) {
      if (room[tier] == 0) continue;
      --room[tier];
      *blocks[index] = static_cast<std::uint8_t>(tier);
      place(index + 1);
      ++room[tier];
    }
  };
  place(0);
  return best;
}

TEST(PlannerProperty, EnumerationNeverBeatsTheBoundAndThePlanIsWithinABlockOfIt) {
  for_each_case(400, [](Draw& draw) {
    const Case drawn = draw.small_case();
    const Priced priced = price(drawn);
    const Plan plan = planned(drawn);
    const double best = best_by_enumeration(priced);
    EXPECT_LE(plan.bound.step_seconds, best * (1 + 1e-6));
    EXPECT_GE(plan.planned.step_seconds, best * (1 - 1e-9));
    EXPECT_LE(plan.planned.step_seconds, best + priced.one_block_seconds());
  });
}

TEST(PlannerProperty, NoPlanExceedsACapacityAndEachBlockHasATier) {
  for_each_case(200, [](Draw& draw) {
    Case drawn = draw.large_case();
    drawn.options.slow_link_utilisation = draw.real(0.5, 1);
    const Plan plan = planned(drawn);
    std::vector<std::vector<std::uint8_t>> maps;
    ASSERT_EQ(plan.objects.size(), drawn.heat.objects.size());
    for (std::size_t o = 0; o < plan.objects.size(); ++o) {
      const PlannedObject& object = plan.objects[o];
      ASSERT_EQ(object.block_tiers.size(), drawn.heat.objects[o].block_tiers.size());
      std::vector<double> shares(plan.tiers.size(), 0.0);
      for (std::uint8_t tier : object.block_tiers) {
        ASSERT_LT(tier, plan.tiers.size());
        shares[tier] += 1.0 / static_cast<double>(object.block_tiers.size());
      }
      for (std::size_t t = 0; t < shares.size(); ++t) {
        EXPECT_NEAR(shares[t], object.shares[t], 1e-9);
      }
      maps.push_back(object.block_tiers);
    }
    const auto used = fixture::blocks_by_tier(maps, plan.tiers.size());
    for (std::size_t t = 0; t < used.size(); ++t) {
      EXPECT_LE(used[t] * kBlockBytes.value, plan.tiers[t].capacity.value.value) << "tier " << t;
    }
  });
}

TEST(PlannerProperty, ThePlanIsNeverBelowTheBoundNorAboveADefaultPolicy) {
  for_each_case(200, [](Draw& draw) {
    const Case drawn = draw.large_case();
    const Plan plan = planned(drawn);
    EXPECT_GE(plan.planned.step_seconds, plan.bound.step_seconds * (1 - 1e-6));
    for (const Prediction* policy : {&plan.first_touch, &plan.interleave, &plan.weighted}) {
      EXPECT_GE(policy->step_seconds, plan.bound.step_seconds * (1 - 1e-6));
      EXPECT_LE(plan.planned.step_seconds, policy->step_seconds * 1.011);
    }
  });
}

TEST(PlannerProperty, MoreCapacityNeverRaisesTheBound) {
  for_each_case(150, [](Draw& draw) {
    Case drawn = draw.large_case();
    const double before = planned(drawn).bound.step_seconds;
    drawn.machine.tiers[any_tier(draw, drawn)].capacity.value +=
        Bytes(static_cast<std::uint64_t>(draw.whole(1, 50)) * kBlockBytes.value);
    EXPECT_LE(planned(drawn).bound.step_seconds, before * (1 + 1e-6));
  });
}

TEST(PlannerProperty, MoreBandwidthNeverRaisesTheBound) {
  for_each_case(150, [](Draw& draw) {
    Case drawn = draw.large_case();
    const double before = planned(drawn).bound.step_seconds;
    drawn.machine.tiers[any_tier(draw, drawn)].read_bandwidth.value.value *= draw.real(1, 3);
    EXPECT_LE(planned(drawn).bound.step_seconds, before * (1 + 1e-6));
  });
}

}  // namespace
}  // namespace terrace::plan::planner_property_test
