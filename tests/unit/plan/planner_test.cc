// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/plan/heat_fixture.h"

namespace terrace::plan::planner_test {
namespace {

using fixture::dense_heat;
using fixture::kBlock;
using fixture::make_heat;
using fixture::make_machine;
using fixture::make_object;
using fixture::make_tier;
using testing::HasSubstr;

constexpr double kEngine = 8.0;           // GB/s
constexpr std::uint64_t kWeights = 1600;  // 100 phases, 80 of them fit the fast tier

Plan plan_of(const heat::HeatMap& heat, const Topology& topology, PlannerOptions options = {}) {
  auto plan = make_plan(heat, topology, options);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
  return plan.ok() ? *plan : Plan{};
}

std::vector<std::uint64_t> used(const Plan& plan) {
  std::vector<std::vector<std::uint8_t>> maps;
  for (const auto& object : plan.objects) maps.push_back(object.block_tiers);
  return fixture::blocks_by_tier(maps, plan.tiers.size());
}

// The overflow that the planner exists for: fast memory for 80 % of the weights, the rest behind a
// link of a quarter of the engine's rate.
struct Overflow : testing::Test {
  Topology machine = make_machine(
      {make_tier("fast", kWeights * 8 / 10, kEngine), make_tier("slow", kWeights, kEngine / 4)});
  double all_fast = kWeights * kBlock / (kEngine * 1e9);
};

TEST_F(Overflow, PredictsTheKnownRatiosOfTheDefaultPolicies) {
  const Plan plan = plan_of(dense_heat(machine, kWeights, kEngine), machine);
  EXPECT_NEAR(plan.all_fast.step_seconds, all_fast, 1e-9 * all_fast);
  EXPECT_NEAR(plan.first_touch.step_seconds, 1.6 * all_fast, 1e-3 * all_fast);
  EXPECT_NEAR(plan.interleave.step_seconds, 2.0 * all_fast, 1e-2 * all_fast);
  EXPECT_NEAR(plan.weighted.step_seconds, all_fast, 0.03 * all_fast);
}

TEST_F(Overflow, PlansAsFastAsIfEverythingWereFast) {
  const Plan plan = plan_of(dense_heat(machine, kWeights, kEngine), machine);
  EXPECT_NEAR(plan.planned.step_seconds, all_fast, 1e-3 * all_fast);
  EXPECT_NEAR(plan.bound.step_seconds, all_fast, 1e-6 * all_fast);
  EXPECT_EQ(used(plan), (std::vector<std::uint64_t>{1280, 320}));
}

TEST_F(Overflow, FitsTheSameEngineWhateverPlacementWasRecorded) {
  heat::HeatMap heat = dense_heat(machine, kWeights, kEngine);
  for (std::size_t b = 1280; b < kWeights; ++b) heat.objects[0].block_tiers[b] = 1;
  // First touch takes 1.6 times the step; heat per second is lower by as much.
  heat.step_seconds *= 1.6;
  for (double& rate : heat.objects[0].block_bytes_per_second) rate /= 1.6;
  const Plan plan = plan_of(heat, machine);
  EXPECT_NEAR(plan.all_fast.step_seconds, all_fast, 5e-3 * all_fast);
  EXPECT_NEAR(plan.first_touch.step_seconds, 1.6 * all_fast, 5e-3 * all_fast);
  EXPECT_NEAR(plan.planned.step_seconds, all_fast, 1e-2 * all_fast);
}

TEST_F(Overflow, SpreadsTheSlowBlocksEvenly) {
  const Plan plan = plan_of(dense_heat(machine, kWeights, kEngine), machine);
  const auto& map = plan.objects.at(0).block_tiers;
  for (std::size_t begin = 0; begin + 50 <= map.size(); begin += 10) {
    const int slow = std::accumulate(map.begin() + static_cast<long>(begin),
                                     map.begin() + static_cast<long>(begin) + 50, 0);
    EXPECT_NEAR(slow, 10, 1) << "blocks from " << begin;
  }
}

TEST_F(Overflow, KeepsEverythingFastWhenItFits) {
  Topology large = make_machine({make_tier("fast", 1700, kEngine), make_tier("slow", 600, 2)});
  const Plan plan = plan_of(dense_heat(large, kWeights, kEngine), large);
  EXPECT_EQ(used(plan), (std::vector<std::uint64_t>{kWeights, 0}));
}

TEST_F(Overflow, IsDeterministic) {
  const heat::HeatMap heat = dense_heat(machine, kWeights, kEngine);
  EXPECT_EQ(plan_of(heat, machine).objects[0].block_tiers,
            plan_of(heat, machine).objects[0].block_tiers);
}

TEST_F(Overflow, LeavesTheHeadroomFree) {
  PlannerOptions options;
  options.capacity_headroom = 0.1;
  const Plan plan = plan_of(dense_heat(machine, kWeights, kEngine), machine, options);
  EXPECT_EQ(used(plan), (std::vector<std::uint64_t>{1152, 448}));
}

TEST_F(Overflow, SpreadsCountsThatDifferByChanceOnly) {
  heat::HeatMap heat = dense_heat(machine, kWeights, kEngine);
  heat::ObjectHeat& object = heat.objects[0];
  // 16 counts a block: alternately one standard error more and less than the mean.
  object.relative_error = 1 / std::sqrt(16.0 * kWeights);
  for (std::size_t b = 0; b < kWeights; ++b) {
    object.block_bytes_per_second[b] *= b % 2 == 0 ? 0.75 : 1.25;
  }
  const Plan plan = plan_of(heat, machine);
  EXPECT_NEAR(plan.planned.step_seconds, all_fast, 1e-3 * all_fast);
  int slow_even = 0;
  const auto& map = plan.objects[0].block_tiers;
  for (std::size_t b = 0; b < map.size(); b += 2) slow_even += map[b];
  EXPECT_NEAR(slow_even, 160, 10);
}

TEST(Planner, KeepsTheHottestExpertsFast) {
  const Topology machine = make_machine({make_tier("fast", 50, 8), make_tier("slow", 100, 2)});
  heat::HeatMap heat = make_heat(machine, 0.01);
  std::vector<double> experts;
  for (int i = 0; i < 100; ++i) experts.push_back(kBlock * (i % 4 == 0 ? 0.6 : 0.1));
  heat.objects.push_back(make_object(7, experts, 0.01));
  const Plan plan = plan_of(heat, machine);
  const auto& map = plan.objects[0].block_tiers;
  for (std::size_t b = 0; b < 100; b += 4) EXPECT_EQ(map[b], 0) << "block " << b;
  EXPECT_LT(plan.planned.step_seconds, 0.85 * plan.weighted.step_seconds);
  EXPECT_LE(plan.bound.step_seconds, plan.planned.step_seconds * (1 + 1e-9));
}

TEST(Planner, HidesStreamedBlocksBehindWorkToMakeRoomForExperts) {
  const Topology machine = make_machine({make_tier("fast", 60, 8), make_tier("slow", 100, 2)});
  heat::HeatMap heat = make_heat(machine, 0.02);
  heat.objects.push_back(make_object(1, std::vector<double>(50, kBlock), 0.02));
  heat.objects.push_back(make_object(2, std::vector<double>(50, kBlock * 0.5), 0.02));
  const Plan plan = plan_of(heat, machine);
  EXPECT_GT(plan.objects[0].shares[1], 0.1);
  EXPECT_LT(plan.objects[0].shares[1], 0.25);
}

TEST(Planner, PutsUntouchedMemoryOnTheSlowestTierThatHasRoom) {
  const Topology machine = make_machine(
      {make_tier("fast", 100, 8), make_tier("middle", 100, 4), make_tier("slow", 10, 1)});
  heat::HeatMap heat = make_heat(machine, 0.01);
  heat.objects.push_back(make_object(1, std::vector<double>(20, kBlock), 0.01));
  heat.objects.push_back(make_object(2, std::vector<double>(15, 0.0), 0.01));
  const Plan plan = plan_of(heat, machine);
  EXPECT_EQ(used(plan), (std::vector<std::uint64_t>{20, 5, 10}));
  EXPECT_DOUBLE_EQ(plan.objects[1].shares[0], 0);
}

TEST(Planner, LeavesSmallObjectsOutAndKeepsTheirRoomFree) {
  const Topology machine = make_machine({make_tier("fast", 20, 8), make_tier("slow", 20, 2)});
  heat::HeatMap heat = make_heat(machine, 0.01);
  heat.objects.push_back(make_object(1, std::vector<double>(20, kBlock), 0.01));
  heat::ObjectHeat small = make_object(2, {1000.0}, 0.01);
  small.key.size_bytes = MiB(1).value;
  heat.objects.push_back(small);
  const Plan plan = plan_of(heat, machine);
  ASSERT_EQ(plan.objects.size(), 1u);
  EXPECT_EQ(used(plan), (std::vector<std::uint64_t>{19, 1}));
}

TEST(Planner, GivesUnobservedObjectsTheFastestRoomThatIsLeft) {
  const Topology machine = make_machine({make_tier("fast", 25, 8), make_tier("slow", 20, 2)});
  heat::HeatMap heat = make_heat(machine, 0.01);
  heat.objects.push_back(make_object(1, std::vector<double>(20, kBlock), 0.01));
  heat.objects.push_back(make_object(2, std::vector<double>(10, 0.0), 0.01));
  heat.objects[1].source = "none";
  const Plan plan = plan_of(heat, machine);
  EXPECT_EQ(used(plan), (std::vector<std::uint64_t>{25, 5}));
  ASSERT_FALSE(plan.notes.empty());
  EXPECT_THAT(plan.notes[0], HasSubstr("could not be observed"));
}

TEST(Planner, WorksPerSecondWhenNoStepWasFound) {
  const Topology machine = make_machine({make_tier("fast", 640, 8), make_tier("slow", 800, 2)});
  heat::HeatMap heat = dense_heat(machine, 800, 8);
  heat.step_seconds = 0;
  const Plan plan = plan_of(heat, machine);
  EXPECT_TRUE(plan.per_second);
  EXPECT_NEAR(plan.all_fast.step_seconds, 1.0, 1e-9);
  EXPECT_NEAR(plan.first_touch.step_seconds, 1.6, 0.01);
  EXPECT_NEAR(plan.planned.step_seconds, 1.0, 0.01);
  ASSERT_FALSE(plan.notes.empty());
}

TEST(Planner, NotesWhenTheRecordingIsFasterThanTheFastestTier) {
  const Topology machine = make_machine({make_tier("fast", 100, 4), make_tier("slow", 100, 1)});
  const Plan plan = plan_of(dense_heat(machine, 100, 8), machine);
  EXPECT_NEAR(plan.all_fast.step_seconds, 100 * kBlock / 4e9, 1e-9);
  ASSERT_EQ(plan.notes.size(), 1u);
  EXPECT_THAT(plan.notes[0], HasSubstr("tier fast"));
}

TEST(Planner, SharesAreThoseOfTheBlocksAndTheLastBlockMayBeShort) {
  const Topology machine = make_machine({make_tier("fast", 6, 8), make_tier("slow", 10, 2)});
  heat::HeatMap heat = make_heat(machine, 0.01);
  heat::ObjectHeat object = make_object(1, std::vector<double>(10, kBlock), 0.01);
  object.key.size_bytes -= kBlockBytes.value / 2;
  object.block_bytes_per_second.back() /= 2;
  heat.objects.push_back(object);
  const Plan plan = plan_of(heat, machine);
  ASSERT_EQ(plan.objects[0].block_tiers.size(), 10u);
  double on_slow = 0;
  for (std::size_t b = 0; b < 10; ++b) {
    if (plan.objects[0].block_tiers[b] == 1) on_slow += b == 9 ? 0.5 : 1;
  }
  EXPECT_NEAR(plan.objects[0].shares[1], on_slow / 9.5, 1e-12);
  EXPECT_NEAR(plan.objects[0].shares[0] + plan.objects[0].shares[1], 1, 1e-12);
}

struct BadInput : testing::Test {
  Topology machine = make_machine({make_tier("fast", 10, 8), make_tier("slow", 10, 2)});
  heat::HeatMap heat = dense_heat(machine, 15, 8);
  PlannerOptions options;

  void expect(ErrorCode code, const char* text) {
    const auto plan = make_plan(heat, machine, options);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, code);
    EXPECT_THAT(plan.error().message, HasSubstr(text));
  }
};

TEST_F(BadInput, SaysByHowMuchTheObjectsDoNotFit) {
  heat = dense_heat(machine, 23, 8);
  expect(ErrorCode::kInfeasible, "add 6 MiB");
}
TEST_F(BadInput, RefusesAnotherMachinesHeat) {
  heat.machine_id = "fedcba9876543210";
  expect(ErrorCode::kUsage, "fedcba9876543210");
}
TEST_F(BadInput, RefusesHeatThatIsAllZero) {
  for (double& rate : heat.objects[0].block_bytes_per_second) rate = 0;
  expect(ErrorCode::kUsage, "none of its 1 object of");
}
TEST_F(BadInput, RefusesATierWithoutBandwidth) {
  machine.tiers[1].read_bandwidth = {};
  heat.tiers = machine.tiers;
  expect(ErrorCode::kUsage, "tier slow has no known bandwidth");
}
TEST_F(BadInput, RefusesAFastestTierOfZeroBytes) {
  machine.tiers[0].capacity.value = Bytes(0);
  expect(ErrorCode::kUsage, "0 usable bytes");
}
TEST_F(BadInput, RefusesAMachineWithoutTiers) {
  machine.tiers.clear();
  expect(ErrorCode::kUsage, "no tiers");
}
TEST_F(BadInput, RefusesHeatOfTheWrongLength) {
  heat.objects[0].block_bytes_per_second.pop_back();
  expect(ErrorCode::kUsage, "heat for 14 blocks, not 15");
}
TEST_F(BadInput, RefusesHeatThatIsNoNumber) {
  heat.objects[0].block_bytes_per_second[3] = std::nan("");
  expect(ErrorCode::kUsage, "block 3");
}
TEST_F(BadInput, RefusesARecordedTierThatDoesNotExist) {
  heat.objects[0].block_tiers[2] = 9;
  expect(ErrorCode::kUsage, "tier 9 of 2");
}
TEST_F(BadInput, RefusesOptionsOutOfRange) {
  options.capacity_headroom = 1;
  expect(ErrorCode::kUsage, "headroom of 1");
  options = {};
  options.phase_bytes = MiB(1);
  expect(ErrorCode::kUsage, "below one block");
  options = {};
  options.slow_link_utilisation = 1.5;
  expect(ErrorCode::kUsage, "utilisation of 1.5");
}

}  // namespace
}  // namespace terrace::plan::planner_test
