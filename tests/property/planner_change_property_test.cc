// SPDX-License-Identifier: Apache-2.0
// How plans change when something else does: capacity, heat by sampling noise, the present
// placement, rules. The seed is printed; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "tests/property/planner_cases.h"

namespace terrace::plan::planner_change_property_test {
namespace {

double worst(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// Share of the blocks that lie elsewhere.
double moved_share(const Plan& before, const Plan& after) {
  double moved = 0;
  double blocks = 0;
  for (std::size_t o = 0; o < before.objects.size(); ++o) {
    const auto& was = before.objects[o].block_tiers;
    const auto& is = after.objects[o].block_tiers;
    for (std::size_t b = 0; b < was.size(); ++b) moved += was[b] == is[b] ? 0 : 1;
    blocks += static_cast<double>(was.size());
  }
  return moved / blocks;
}

Plan planned_from(const Case& drawn, const Plan& present, Nanoseconds horizon) {
  Case from = drawn;
  from.options.present = &present;
  from.options.horizon = horizon;
  return planned(from);
}

constexpr Nanoseconds kMinute{60'000'000'000};

Case with_more_room(Draw& draw, Case drawn) {
  drawn.machine.tiers[any_tier(draw, drawn)].capacity.value +=
      Bytes(static_cast<std::uint64_t>(draw.whole(1, 50)) * kBlockBytes.value);
  return drawn;
}

TEST(PlannerChange, MoreCapacityNeverGivesASlowerPlanThanTheOneInForce) {
  for_each_case(150, [](Draw& draw) {
    const Case drawn = draw.large_case();
    const Plan before = planned(drawn);
    const Plan after = planned_from(with_more_room(draw, drawn), before, kMinute);
    EXPECT_LE(after.planned.step_seconds, before.planned.step_seconds * (1 + 1e-9));
  });
}

// Rounding to whole blocks may fall the other way: 18 of 1,800 plans were slower.
TEST(PlannerChange, MoreCapacityCostsAPlanMadeAnewAtMostABlocksTime) {
  std::vector<double> slower;
  for_each_case(300, [&](Draw& draw) {
    const Case drawn = draw.large_case();
    const Plan before = planned(drawn);
    const Plan after = planned(with_more_room(draw, drawn));
    const double excess = after.planned.step_seconds - before.planned.step_seconds;
    EXPECT_LE(excess, price(drawn).one_block_seconds());
    slower.push_back(std::max(0.0, excess / before.planned.step_seconds));
  });
  const auto count = std::count_if(slower.begin(), slower.end(), [](double s) { return s > 1e-9; });
  std::printf("slower with more capacity: %ld of %zu, by at most %.3f %%\n",
              static_cast<long>(count), slower.size(), 100 * worst(slower));
}

// 200 steps recorded twice. Measured over 1,500 models: 14 % of the blocks lie elsewhere in a plan
// made anew (stripes shift, equals change places), 0.8 % in one made from the plan in force. In 1
// of 30 that one moves more than a twentieth, at most 19 %, where by the new heat it gains at least
// 0.03 % of the step for each per cent.
TEST(PlannerChange, NoiseMovesLittle) {
  std::vector<double> anew;
  std::vector<double> from;
  std::vector<double> slower;
  for_each_case(60, [&](Draw& draw) {
    const Case truth = draw.varied_case(Varied::kMixture);
    const Plan first = planned(draw.sampled(truth, 200));
    const Case again = draw.sampled(truth, 200);
    const Plan second = planned(again);
    const Plan kept = planned_from(again, first, kMinute);
    anew.push_back(moved_share(first, second));
    from.push_back(moved_share(first, kept));
    const double gain = kept.moves->present.step_seconds / kept.planned.step_seconds - 1;
    if (from.back() > 0.05) {
      EXPECT_GT(gain, from.back() / 100) << from.back() << " moved";
    }
    slower.push_back(kept.planned.step_seconds / second.planned.step_seconds - 1);
  });
  std::printf(
      "moved by noise: made anew %.2f %% of the blocks (mean; at most %.2f %%), from the "
      "plan in force %.2f %% (at most %.2f %%), which is slower by %.2f %% (at most %.2f %%)\n",
      100 * mean(anew), 100 * worst(anew), 100 * mean(from), 100 * worst(from), 100 * mean(slower),
      100 * worst(slower));
  EXPECT_LT(mean(anew), 0.25);
  EXPECT_LT(mean(from), 0.02);
  EXPECT_LT(worst(slower), 0.05);
}

TEST(PlannerChange, MovesNeverCostMoreThanTheyGain) {
  for_each_case(150, [](Draw& draw) {
    const Case drawn = draw.large_case();
    const Plan present = draw.any_plan(drawn);
    const Nanoseconds horizon(static_cast<std::uint64_t>(draw.whole(0, 2'000'000'000)));
    const Plan plan = planned_from(drawn, present, horizon);
    ASSERT_TRUE(plan.moves);
    EXPECT_GE(plan.moves->gain_seconds(plan.planned), -1e-9 * plan.moves->horizon_seconds);
    EXPECT_EQ(moved_share(present, plan) == 0, plan.moves->bytes == 0);
  });
}

// Rounding to whole blocks may fall the other way here too.
TEST(PlannerChange, AWiderHorizonCostsAtMostABlocksTime) {
  std::vector<double> excess;
  for_each_case(150, [&](Draw& draw) {
    const Case drawn = draw.large_case();
    const Plan present = draw.any_plan(drawn);
    double before = HUGE_VAL;
    for (const std::uint64_t ms : {0ull, 10ull, 100ull, 1000ull, 100000ull}) {
      const Plan plan = planned_from(drawn, present, Nanoseconds(ms * 1'000'000));
      const double slower = plan.planned.step_seconds - before;
      EXPECT_LE(slower, price(drawn).one_block_seconds());
      excess.push_back(slower / plan.planned.step_seconds);
      before = plan.planned.step_seconds;
    }
  });
  std::printf("slower with a wider horizon by at most %.3f %%\n", 100 * worst(excess));
}

TEST(PlannerChange, RulesAreKeptOrRefused) {
  int refused = 0;
  for_each_case(300, [&](Draw& draw) {
    Case drawn = draw.large_case();
    const auto objects = static_cast<int>(drawn.heat.objects.size());
    for (int n = draw.whole(1, 3); n > 0; --n) {
      const auto o = static_cast<std::size_t>(draw.whole(0, objects - 1));
      drawn.options.rules.push_back({draw.whole(0, 1) == 0 ? RuleKind::kPin : RuleKind::kForbid,
                                     drawn.heat.objects[o].label,
                                     drawn.machine.tiers[any_tier(draw, drawn)].name});
    }
    const auto plan = make_plan(drawn.heat, drawn.machine, drawn.options);
    if (!plan.ok()) {
      ++refused;
      EXPECT_TRUE(refusal_is_right(drawn, plan.error().code)) << plan.error().message;
      return;
    }
    EXPECT_LE(plan->bound.step_seconds, plan->planned.step_seconds * (1 + 1e-6));
    for (std::size_t o = 0; o < plan->objects.size(); ++o) {
      const TierMask allowed = allowed_by(drawn, o);
      for (std::uint8_t tier : plan->objects[o].block_tiers) EXPECT_TRUE(allows(allowed, tier));
    }
  });
  std::printf("refused: %d of 300\n", refused);
}

}  // namespace
}  // namespace terrace::plan::planner_change_property_test
