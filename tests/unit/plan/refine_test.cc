// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/refine.h"

#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"

namespace terrace::plan::refine_test {
namespace {

using fixture::kBlock;

// Two phases of four blocks, an engine of 4 GB/s over tiers of 8 and 1 GB/s: a phase hides one
// block on the slow tier.
struct Refine : testing::Test {
  model::Workload workload;
  model::Rates rates{1 / 4e9, {1 / 8e9, 1 / 1e9}};
  Constraints constraints;
  std::vector<std::uint64_t> usable{6, 2};

  Refine() {
    workload.objects.resize(1);
    workload.objects[0].blocks.assign(8, {kBlock, model::Access::kStreamed});
    workload.phases = {{0, 0, 4}, {0, 4, 4}};
  }
  double seconds(const model::Assignment& where) const {
    return model::step_time(workload, rates, where).step_seconds;
  }
  model::Assignment refined(model::Assignment where) const {
    refine(workload, rates, constraints, 1.0, usable, where);
    return where;
  }
};

TEST_F(Refine, ExchangesBlocksOfAnOverloadedPhaseForAnothers) {
  const model::Assignment before{{0, 0, 1, 1, 0, 0, 0, 0}};
  const model::Assignment after = refined(before);
  EXPECT_NEAR(seconds(before), 3 * kBlock / 1e9, 1e-12);
  EXPECT_NEAR(seconds(after), 2 * kBlock / 1e9, 1e-12);
  EXPECT_EQ(fixture::blocks_by_tier(after, 2), usable);
}

TEST_F(Refine, UsesRoomThatRoundingLeft) {
  usable = {7, 2};
  const model::Assignment after = refined({{0, 0, 1, 1, 0, 0, 0, 0}});
  EXPECT_NEAR(seconds(after), 2 * kBlock / 1e9, 1e-12);
}

TEST_F(Refine, LeavesAnOptimumAlone) {
  const model::Assignment best{{0, 1, 0, 0, 0, 0, 1, 0}};
  EXPECT_EQ(refined(best), best);
}

TEST_F(Refine, KeepsToTheTiersThatAnObjectMayLieOn) {
  workload.objects.push_back(workload.objects[0]);
  workload.phases.push_back({1, 0, 4});
  workload.phases.push_back({1, 4, 4});
  usable = {12, 4};
  constraints.allowed = {kAnyTier, 0b01};
  const model::Assignment before{{1, 1, 1, 1, 0, 0, 0, 0}, std::vector<std::uint8_t>(8, 0)};
  const model::Assignment after = refined(before);
  EXPECT_EQ(after[1], before[1]);
  EXPECT_NEAR(seconds(after), 6 * kBlock / 1e9, 1e-12);
}

TEST_F(Refine, ChargesMoves) {
  constraints.present = {{0, 0, 1, 1, 0, 0, 0, 0}};
  constraints.steps_in_horizon = 1;
  EXPECT_EQ(refined(constraints.present), constraints.present)
      << "a step gains one block's time, and the exchange takes two";
  constraints.steps_in_horizon = 3;
  EXPECT_NE(refined(constraints.present), constraints.present);
}

TEST_F(Refine, LeavesUnobservedObjectsWhereTheyAre) {
  workload.objects[0].observed = false;
  const model::Assignment where{{0, 0, 1, 1, 0, 0, 0, 0}};
  EXPECT_EQ(refined(where), where);
}

}  // namespace
}  // namespace terrace::plan::refine_test
