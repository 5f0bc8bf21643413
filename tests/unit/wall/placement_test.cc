// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/placement.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tiering/plan/programme.h"

namespace terrace::wall::placement_test {
namespace {

constexpr double kFree = 1e15;

TEST(Placement, AStripeOverTwoTiersTakesTheSlowTiersShareOfTheBandwidth) {
  const auto placed = place_bytes({{10e9, 10e9}}, {{kFree, 400e9}, {kFree, 100e9}});
  ASSERT_TRUE(placed.ok());
  EXPECT_NEAR(placed->seconds, 10e9 / 500e9, 1e-9);
  EXPECT_NEAR(placed->resident[0][1] / 10e9, 100.0 / 500, 1e-6);
}

TEST(Placement, SeparateGroupsAreReadInTurnSoTheFasterOneTakesAllThatFits) {
  const auto placed = place_bytes({{10e9, 10e9}}, {{8e9, 400e9, 0}, {kFree, 100e9, 1}});
  ASSERT_TRUE(placed.ok());
  EXPECT_NEAR(placed->seconds, 8e9 / 400e9 + 2e9 / 100e9, 1e-9);
}

TEST(Placement, ColdBytesGiveWayToHotOnes) {
  // Weights of 6 GB read whole, experts of 30 GB read to a tenth; the fast tier holds 8 GB.
  const auto placed = place_bytes({{6e9, 6e9}, {30e9, 3e9}}, {{8e9, 1000e9}, {kFree, 50e9}});
  ASSERT_TRUE(placed.ok());
  EXPECT_NEAR(placed->resident[0][0], 6e9, 1e9);
  EXPECT_GT(placed->resident[1][1], 27e9);
}

TEST(Placement, NothingIsReadTheFastestTierIsFilledFirst) {
  const auto placed = place_bytes({{5e9, 0}}, {{8e9, 100e9}, {kFree, 10e9}});
  ASSERT_TRUE(placed.ok());
  EXPECT_DOUBLE_EQ(placed->seconds, 0);
}

TEST(Placement, WhatDoesNotFitIsInfeasible) {
  const auto placed = place_bytes({{5e9, 5e9}}, {{3e9, 100e9}, {1e9, 10e9}});
  ASSERT_FALSE(placed.ok());
  EXPECT_EQ(placed.error().code, ErrorCode::kInfeasible);
  EXPECT_THAT(placed.error().message, testing::HasSubstr("5.0 GB do not fit into 4.0 GB"));
}

/// The planner's own programme for the same classes, in blocks, one phase.
double planners_seconds(const std::vector<ByteClass>& classes, const std::vector<TierRoom>& tiers) {
  plan::Programme programme;
  double fastest = 0;
  for (const TierRoom& tier : tiers) fastest = std::max(fastest, tier.bytes_per_second);
  // An engine far faster than any tier, so that the tiers alone decide.
  programme.rates.engine_seconds_per_byte = 1e-3 / fastest;
  for (const TierRoom& tier : tiers) {
    programme.rates.tier_seconds_per_byte.push_back(1 / tier.bytes_per_second);
    programme.capacity_blocks.push_back(static_cast<std::uint64_t>(tier.capacity) /
                                        kBlockBytes.value);
  }
  programme.phase_floor_seconds = {0};
  const auto block = static_cast<double>(kBlockBytes.value);
  for (std::uint32_t c = 0; c < classes.size(); ++c) {
    plan::Range range;
    range.phase = 0;
    range.bytes_per_block = classes[c].read / classes[c].resident * block;
    const auto blocks = static_cast<std::uint32_t>(std::lround(classes[c].resident / block));
    for (std::uint32_t b = 0; b < blocks; ++b) range.blocks.push_back({c, b});
    programme.phase_floor_seconds[0] += classes[c].read * programme.rates.engine_seconds_per_byte;
    programme.ranges.push_back(range);
  }
  const auto solution = plan::solve(programme);
  return solution.ok() ? solution->step_seconds : -1;
}

TEST(Placement, AgreesWithThePlannersProgrammeOnRandomCases) {
  std::mt19937 random(7);
  RecordProperty("seed", 7);
  const auto block = static_cast<double>(kBlockBytes.value);
  for (int round = 0; round < 200; ++round) {
    std::vector<ByteClass> classes;
    double resident = 0;
    for (std::size_t c = 0; c < 1 + random() % 4; ++c) {
      const double blocks = 1.0 + static_cast<double>(random() % 200);
      const double share = (1.0 + static_cast<double>(random() % 100)) / 100;
      classes.push_back({blocks * block, blocks * block * share});
      resident += blocks * block;
    }
    std::vector<TierRoom> tiers;
    double bandwidth = 1e12;
    for (std::size_t t = 0; t < 1 + random() % 4; ++t) {
      tiers.push_back({static_cast<double>(random() % 300) * block, bandwidth, 0});
      bandwidth *= 0.1 + 0.8 * static_cast<double>(random() % 100) / 100;
    }
    tiers.back().capacity = std::ceil(resident / block) * block;
    const auto placed = place_bytes(classes, tiers);
    ASSERT_TRUE(placed.ok());
    const double expected = planners_seconds(classes, tiers);
    EXPECT_NEAR(placed->seconds, expected, expected * 1e-4) << "round " << round;
  }
}

TEST(Placement, MoreCapacityIsNeverSlower) {
  double before = 1e9;
  for (double fast = 0; fast <= 40e9; fast += 1e9) {
    const auto placed = place_bytes({{20e9, 20e9}, {40e9, 4e9}}, {{fast, 800e9}, {kFree, 60e9}});
    ASSERT_TRUE(placed.ok());
    EXPECT_LE(placed->seconds, before * (1 + 1e-6));
    before = placed->seconds;
  }
}

}  // namespace
}  // namespace terrace::wall::placement_test
