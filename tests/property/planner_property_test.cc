// SPDX-License-Identifier: Apache-2.0
// Properties of the planner that hold for every machine and heat map, over random ones. The seed is
// printed; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <random>

#include "tests/unit/plan/heat_fixture.h"
#include "tiering/model/step_model.h"
#include "tiering/plan/engine_rate.h"
#include "tiering/plan/machine_figures.h"
#include "tiering/plan/planner.h"

namespace terrace::plan {
namespace {

using fixture::kBlock;
using model::Assignment;

std::uint32_t base_seed() {
  const char* fixed = std::getenv("TERRACE_SEED");
  return fixed != nullptr ? static_cast<std::uint32_t>(std::strtoul(fixed, nullptr, 10))
                          : std::random_device{}();
}

struct Case {
  Topology machine;
  heat::HeatMap heat;
  PlannerOptions options;
};

class Draw {
 public:
  explicit Draw(std::uint32_t seed) : random_(seed) {}
  int whole(int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random_);
  }
  double real(double least, double most) {
    return std::uniform_real_distribution<double>(least, most)(random_);
  }

  Case small_case() { return make(whole(2, 3), whole(1, 2), 3, whole(1, 3)); }
  Case large_case() { return make(whole(2, 4), whole(1, 6), 120, 16); }

 private:
  /// Bytes that a block moves in a step: dense, routed, cold, or read several times.
  double block_heat() {
    const int kind = whole(0, 9);
    if (kind < 5) return kBlock;
    if (kind < 8) return kBlock * real(0.01, 0.7);
    if (kind < 9) return 0;
    return kBlock * real(1.5, 4);
  }

  Case make(int tiers, int objects, int most_blocks, int phase_blocks) {
    Case drawn;
    drawn.options.phase_bytes = Bytes(static_cast<std::uint64_t>(phase_blocks) * kBlockBytes.value);
    drawn.options.slow_link_utilisation = 1;
    std::vector<std::vector<double>> heats(static_cast<std::size_t>(objects));
    std::uint64_t blocks = 0;
    double bytes = 0;
    for (auto& object : heats) {
      for (int left = whole(1, most_blocks); left > 0; --left) object.push_back(block_heat());
      heats[0][0] = kBlock;
      for (double heat : object) bytes += heat;
      blocks += object.size();
    }
    draw_machine(drawn, tiers, blocks);
    // An engine of 0.3 to 1 times the fastest bandwidth, recorded with every block there.
    const double gbps = drawn.machine.tiers[0].read_bandwidth.value.value * real(0.3, 1.0);
    const double step = bytes / (gbps * 1e9);
    drawn.heat = fixture::make_heat(drawn.machine, step);
    for (std::size_t o = 0; o < heats.size(); ++o) {
      drawn.heat.objects.push_back(fixture::make_object(o + 1, heats[o], step));
    }
    return drawn;
  }

  // Tiers that hold the blocks together, the faster ones seldom alone.
  void draw_machine(Case& drawn, int tiers, std::uint64_t blocks) {
    std::vector<Tier> list;
    double gbps = real(5, 20);
    std::uint64_t left = blocks;
    for (int t = 0; t < tiers; ++t) {
      const auto most = static_cast<int>(std::max<std::uint64_t>(1, left));
      const std::uint64_t room =
          t + 1 == tiers ? left + 1 : static_cast<std::uint64_t>(whole(1, most));
      list.push_back(fixture::make_tier("tier" + std::to_string(t), room, gbps));
      left -= std::min(left, room);
      gbps *= real(0.15, 0.8);
    }
    drawn.machine = fixture::make_machine(std::move(list));
  }

  std::mt19937 random_;
};

/// The model as the planner sees the case.
struct Priced {
  model::Workload workload;
  model::Rates rates;
  std::vector<std::uint64_t> capacity;

  double seconds(const Assignment& where) const {
    return model::step_time(workload, rates, where).step_seconds;
  }
  /// What the hottest block takes on the slowest tier.
  double one_block_seconds() const {
    double largest = 0;
    for (const auto& object : workload.objects) {
      for (const auto& block : object.blocks) largest = std::max(largest, block.bytes_per_step);
    }
    return largest * rates.tier_seconds_per_byte.back();
  }
};

Priced price(const Case& drawn) {
  std::vector<std::string> notes;
  Priced priced;
  priced.workload = *model::make_workload(drawn.heat, drawn.options.phase_bytes);
  priced.rates.tier_seconds_per_byte = *seconds_per_byte(drawn.machine.tiers, {});
  priced.rates.engine_seconds_per_byte =
      *engine_rate(drawn.heat, drawn.machine, priced.workload, notes);
  priced.capacity = *capacity_blocks(drawn.machine.tiers, 0);
  return priced;
}

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

Plan planned(const Case& drawn) {
  auto plan = make_plan(drawn.heat, drawn.machine, drawn.options);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
  return plan.ok() ? *plan : Plan{};
}

void for_each_case(int count, const std::function<void(Draw&)>& check) {
  const std::uint32_t seed = base_seed();
  std::printf("seed %u\n", seed);
  for (int i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    const std::uint32_t own = seed + static_cast<std::uint32_t>(i);
    SCOPED_TRACE("TERRACE_SEED=" + std::to_string(own));
    Draw draw(own);
    check(draw);
  }
}

std::size_t any_tier(Draw& draw, const Case& drawn) {
  return static_cast<std::size_t>(draw.whole(0, static_cast<int>(drawn.machine.tiers.size()) - 1));
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
}  // namespace terrace::plan
