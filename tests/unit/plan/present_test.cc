// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/present.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"
#include "tiering/plan/planner.h"

namespace terrace::plan::present_test {
namespace {

using fixture::kBlock;
using testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000'000;

// 10 blocks that are read every step lie behind a link of 1 GB/s; as many that nothing reads lie on
// fast memory of 10 GB/s, which the engine uses up.
struct Present : testing::Test {
  Topology machine = fixture::make_machine(
      {fixture::make_tier("fast", 12, 10), fixture::make_tier("slow", 40, 1)});
  double step = 10 * kBlock / 1e9;
  heat::HeatMap heat = fixture::make_heat(machine, step);
  Plan present;
  PlannerOptions options;

  Present() {
    heat.objects.push_back(fixture::make_object(1, std::vector<double>(10, kBlock), step));
    heat.objects.push_back(fixture::make_object(2, std::vector<double>(10, 0.0), step));
    heat.objects[0].block_tiers.assign(10, 1);
    present = *make_plan(heat, machine, options);
    present.objects[0].block_tiers.assign(10, 1);
    present.objects[1].block_tiers.assign(10, 0);
    options.present = &present;
  }

  Plan planned_within(double seconds) {
    options.horizon = Nanoseconds(static_cast<std::uint64_t>(seconds * 1e9));
    const auto plan = make_plan(heat, machine, options);
    EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
    return plan.ok() ? *plan : Plan{};
  }
  void expect_refused(const std::vector<const char*>& parts) {
    const auto plan = make_plan(heat, machine, options);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, ErrorCode::kUsage);
    for (const char* part : parts) EXPECT_THAT(plan.error().message, HasSubstr(part));
  }
};

TEST_F(Present, NothingMovesThatDoesNotPayWithinTheHorizon) {
  // A move holds the link up for as long as a step reads the block: two steps cannot pay for it and
  // for the cold block that makes room.
  const Plan plan = planned_within(step);
  ASSERT_TRUE(plan.moves);
  EXPECT_EQ(plan.moves->bytes, 0u);
  EXPECT_EQ(plan.objects[0].block_tiers, present.objects[0].block_tiers);
  EXPECT_EQ(plan.objects[1].block_tiers, present.objects[1].block_tiers);
  EXPECT_DOUBLE_EQ(plan.planned.step_seconds, plan.moves->present.step_seconds);
}

TEST_F(Present, WhatPaysMoves) {
  const Plan plan = planned_within(60);
  ASSERT_TRUE(plan.moves);
  EXPECT_GE(plan.moves->bytes, 16 * kBlockBytes.value);
  EXPECT_LT(plan.planned.step_seconds, 0.2 * plan.moves->present.step_seconds);
  EXPECT_GT(plan.moves->gain_seconds(plan.planned), 0.8 * 60);
}

TEST_F(Present, AMoveCostsItsBytesOverTheSlowerLink) {
  const Plan plan = planned_within(60);
  ASSERT_TRUE(plan.moves);
  EXPECT_NEAR(plan.moves->seconds, static_cast<double>(plan.moves->bytes) / 1e9, 1e-9);
}

TEST_F(Present, AHorizonShorterThanAStepMovesNothing) {
  EXPECT_EQ(planned_within(0).moves->bytes, 0u);
}

TEST_F(Present, ThePlanMadeFromItselfMovesNothing) {
  const Plan first = planned_within(60);
  options.present = &first;
  EXPECT_EQ(planned_within(600).moves->bytes, 0u);
}

TEST_F(Present, ColdMemoryStaysOnFastMemoryThatNobodyNeeds) {
  machine.tiers[0].capacity.value = Bytes(40 * kBlockBytes.value);
  const Plan plan = planned_within(60);
  EXPECT_EQ(plan.objects[1].block_tiers, present.objects[1].block_tiers);
  EXPECT_EQ(plan.moves->bytes, 10 * kBlockBytes.value);
}

TEST_F(Present, RulesMoveWhatTheyForbidWhateverItCosts) {
  options.rules = {{RuleKind::kForbid, "object-2", "fast"}};
  const Plan plan = planned_within(0);
  EXPECT_EQ(plan.objects[1].block_tiers, std::vector<std::uint8_t>(10, 1));
  EXPECT_EQ(plan.moves->bytes, 10 * kBlockBytes.value);
}

TEST_F(Present, NewObjectsAreNotedAndPlacedWithoutCharge) {
  present.objects.pop_back();
  const Plan plan = planned_within(0);
  EXPECT_EQ(plan.objects[0].block_tiers, present.objects[0].block_tiers);
  EXPECT_EQ(plan.objects[1].block_tiers, std::vector<std::uint8_t>(10, 1)) << "cold: slowest tier";
  EXPECT_EQ(plan.moves->bytes, 0u);
  ASSERT_FALSE(plan.notes.empty());
  EXPECT_THAT(plan.notes.back(),
              HasSubstr("1 object of the session not in the present plan: placed as new"));
}

TEST_F(Present, ATierThatIsGoneIsNotedAndLeft) {
  present.tiers[0].name = "gone";
  const Plan plan = planned_within(0);
  EXPECT_EQ(plan.moves->bytes, 0u);
  ASSERT_FALSE(plan.notes.empty());
  EXPECT_THAT(plan.notes.back(), HasSubstr("tier gone"));
}

TEST_F(Present, RefusesAnotherMachinesPlan) {
  present.machine_id = "fedcba9876543210";
  expect_refused({"fedcba9876543210", "that this machine runs"});
}

TEST_F(Present, RefusesAPlanOfOtherObjects) {
  for (auto& object : present.objects) object.key.site_hash += 100;
  expect_refused({"share no object", "recorded"});
}

TEST_F(Present, UnobservedObjectsStayWhereTheyAre) {
  heat.objects[1].source = "none";
  const Plan plan = planned_within(60 * static_cast<double>(kSecond) * 1e-9);
  EXPECT_EQ(plan.objects[1].block_tiers, present.objects[1].block_tiers);
}

}  // namespace
}  // namespace terrace::plan::present_test
