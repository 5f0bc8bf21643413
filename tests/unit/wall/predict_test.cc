// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/predict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::wall::predict_test {
namespace {

constexpr DecodeFit kFit = {0.8, 0.5, 1000, 0, 1.25};

WallTier tier(const std::string& name, double gbps, double gigabytes) {
  WallTier made;
  made.name = name;
  made.nominal_gbps = gbps;
  made.capacity_bytes = gigabytes * 1e9;
  made.idle_latency_ns = 100;
  return made;
}

WallMachine machine_with(std::vector<WallTier> tiers) {
  WallMachine machine;
  machine.kernels = KernelClass::kGpu;
  machine.tiers = std::move(tiers);
  machine.flops = 100e12;
  return machine;
}

WallLoad load_of(double gigabytes, double flops) {
  WallLoad load;
  load.classes = {{"weights", gigabytes * 1e9, gigabytes * 1e9, 0}};
  load.flops = flops;
  return load;
}

TEST(Predict, ReadsAtTheFittedShareOfBandwidth) {
  const auto step = predict_step(kFit, machine_with({tier("hbm", 1000, 80)}), load_of(8, 1e9), {});
  ASSERT_TRUE(step.ok());
  EXPECT_NEAR(step->seconds, 8.0 / 800, 1e-9);
  EXPECT_EQ(step->bound, Bound::kBandwidth);
  EXPECT_EQ(step->bound_by, "hbm");
  EXPECT_NEAR(step->low_seconds, 0.01 / 1.25, 1e-9);
  EXPECT_NEAR(step->high_seconds, 0.01 * 1.25, 1e-9);
}

TEST(Predict, AMeasuredBandwidthHoldsPartOfTheLossAlready) {
  WallTier measured = tier("dram", 0, 80);
  measured.measured_gbps = 267;
  const WallMachine machine = machine_with({measured});
  EXPECT_NEAR(tier_gbps(kFit, machine, measured, FormatFamily::kPlain), 267 * 0.8 / 0.87, 1e-9);
}

TEST(Predict, EachProcessorHasAKneeOfItsOwn) {
  WallTier rack = tier("hbm", 8000, 1000);
  const WallMachine machine = machine_with({rack});
  const double one = tier_gbps(kFit, machine, rack, FormatFamily::kPlain);
  rack.processors = 8;
  EXPECT_NEAR(tier_gbps(kFit, machine, rack, FormatFamily::kPlain), 6400, 1e-9);
  EXPECT_LT(one, 6400);
}

TEST(Predict, ComputeBindsWhenArithmeticTakesLonger) {
  const auto step = predict_step(kFit, machine_with({tier("hbm", 1000, 80)}), load_of(8, 5e12), {});
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->bound, Bound::kCompute);
  EXPECT_NEAR(step->seconds, 0.1, 1e-9);
}

TEST(Predict, CapacityBindsWhenMoreFastMemoryWouldHelp) {
  const auto step = predict_step(kFit, machine_with({tier("hbm", 1000, 8), tier("cxl", 20, 500)}),
                                 load_of(16, 1e9), {});
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->bound, Bound::kCapacity);
  EXPECT_EQ(step->bound_by, "hbm");
}

TEST(Predict, AStripeIsBoundByTheFastestOfItsTiers) {
  const auto step = predict_step(kFit, machine_with({tier("hbm", 1000, 80), tier("cxl", 100, 500)}),
                                 load_of(16, 1e9), {});
  ASSERT_TRUE(step.ok());
  EXPECT_NEAR(step->seconds, 16.0 / 880, 1e-6);
  EXPECT_EQ(step->bound, Bound::kBandwidth);
  EXPECT_EQ(step->bound_by, "hbm");
}

TEST(Predict, LinkBindsWhenReadsComeThroughIt) {
  WallTier far = tier("host", 400, 500);
  far.link_gbps = 50;
  const auto step = predict_step(kFit, machine_with({far}), load_of(16, 1e9), {});
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->bound, Bound::kLink);
  EXPECT_NEAR(step->achieved_gbps[0], 50 * 0.87, 1e-9);
}

TEST(Predict, LatencyBindsASmallModelOnASlowToAnswerTier) {
  WallTier flash = tier("nvme", 14, 1000);
  flash.idle_latency_ns = 80000;
  WallLoad load = load_of(0.05, 1e6);
  load.layers = 16;
  const auto step = predict_step(kFit, machine_with({flash}), load, {});
  ASSERT_TRUE(step.ok());
  EXPECT_EQ(step->bound, Bound::kLatency);
}

TEST(Predict, ASlowTiersLatencyIsNotTakenForALittleBandwidth) {
  WallTier flash = tier("nvme", 14, 1000);
  flash.idle_latency_ns = 80000;
  WallLoad load = load_of(8, 1e6);
  load.layers = 80;
  const auto step = predict_step(kFit, machine_with({tier("dram", 200, 80), flash}), load, {});
  ASSERT_TRUE(step.ok());
  EXPECT_DOUBLE_EQ(step->placement.resident[0][1], 0);
}

TEST(Predict, WhatDoesNotFitIsInfeasible) {
  const auto step = predict_step(kFit, machine_with({tier("hbm", 1000, 8)}), load_of(16, 1e9), {});
  ASSERT_FALSE(step.ok());
  EXPECT_EQ(step.error().code, ErrorCode::kInfeasible);
}

TEST(Predict, AHybridsCoresUnpackAndItsTiersWorkInTurn) {
  WallMachine machine = machine_with({tier("vram", 1000, 8), tier("dram", 200, 500)});
  machine.kernels = KernelClass::kHybrid;
  machine.tiers[1].group = 1;
  machine.tiers[1].host_kernels = true;
  Assumptions assumptions;
  assumptions.family = FormatFamily::kNested;
  const auto step = predict_step(kFit, machine, load_of(12, 1e9), assumptions);
  ASSERT_TRUE(step.ok());
  EXPECT_NEAR(step->memory_seconds, 8.0 / 800 + 4.0 / 100, 1e-6);
}

}  // namespace
}  // namespace terrace::wall::predict_test
