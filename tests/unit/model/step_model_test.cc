// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/step_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/plan/heat_fixture.h"

namespace terrace::model::step_model_test {
namespace {

using fixture::kBlock;
using fixture::make_heat;
using fixture::make_object;

constexpr double kStep = 0.1;
constexpr double kEngine = 8e9;  // bytes a second
const std::vector<double> kTiers = {1 / 10e9, 1 / 2e9};

Workload workload_of(const std::vector<std::vector<double>>& objects, Bytes phase_bytes = MiB(32)) {
  heat::HeatMap heat = make_heat(fixture::make_machine({}), kStep);
  std::uint64_t site = 0;
  for (const auto& blocks : objects) heat.objects.push_back(make_object(++site, blocks, kStep));
  return *make_workload(heat, phase_bytes);
}

Workload dense(std::size_t blocks) {
  return workload_of({std::vector<double>(blocks, kBlock)});
}

double step_of(const Workload& workload, const std::vector<std::uint8_t>& where) {
  return step_time(workload, Rates{1 / kEngine, kTiers}, {where}).step_seconds;
}

TEST(StepModel, ChargesTheEnginesRateOnFastMemory) {
  const Workload workload = dense(1600);
  EXPECT_NEAR(step_of(workload, std::vector<std::uint8_t>(1600, 0)), 1600 * kBlock / kEngine,
              1e-12);
}

TEST(StepModel, AddsTheTimesOfTiersThatAreReadOneAfterTheOther) {
  std::vector<std::uint8_t> where(1600, 0);
  std::fill(where.begin() + 1280, where.end(), std::uint8_t{1});
  EXPECT_NEAR(step_of(dense(1600), where), 1.6 * 1600 * kBlock / kEngine, 1e-9);
}

TEST(StepModel, OverlapsTiersWithinAPhase) {
  std::vector<std::uint8_t> where(1600, 0);
  for (std::size_t b = 4; b < 1600; b += 5) where[b] = 1;
  // 16 blocks a phase hold 3 or 4 slow ones, and 4 are just hidden.
  EXPECT_NEAR(step_of(dense(1600), where), 1600 * kBlock / kEngine, 1e-9);
  for (std::size_t b = 0; b < 1600; ++b) where[b] = static_cast<std::uint8_t>(b % 2);
  EXPECT_NEAR(step_of(dense(1600), where), 2 * 1600 * kBlock / kEngine, 1e-9);
}

TEST(StepModel, OverlapsNothingOfRoutedBlocks) {
  const Workload workload = workload_of({std::vector<double>(16, kBlock * 0.25)});
  std::vector<std::uint8_t> where(16, 0);
  where[3] = 1;
  const double block = kBlock * 0.25;
  EXPECT_NEAR(step_of(workload, where), 15 * block / kEngine + block / 2e9, 1e-12);
}

TEST(StepModel, ReportsEachLinksBusyTime) {
  std::vector<std::uint8_t> where(16, 0);
  where[0] = 1;
  const StepTime time = step_time(dense(16), Rates{1 / kEngine, kTiers}, {where});
  EXPECT_NEAR(time.tier_busy_seconds[0], 15 * kBlock / 10e9, 1e-12);
  EXPECT_NEAR(time.tier_busy_seconds[1], kBlock / 2e9, 1e-12);
  EXPECT_NEAR(time.compute_seconds, 16 * kBlock / kEngine, 1e-12);
}

TEST(StepModel, UntouchedBlocksCostNothingAnywhere) {
  const Workload workload = workload_of({{kBlock, 0, 0, kBlock}});
  EXPECT_DOUBLE_EQ(step_of(workload, {0, 0, 0, 0}), step_of(workload, {0, 1, 1, 0}));
}

TEST(EngineFit, FindsTheRateBehindARecordingWithASlowPart) {
  Workload workload = dense(1600);
  std::vector<std::uint8_t> where(1600, 0);
  std::fill(where.begin() + 1280, where.end(), std::uint8_t{1});
  workload.step_seconds = step_of(workload, where);
  const EngineFit fit = fit_engine(workload, kTiers, {where}, EngineLimits{0, kTiers[0]});
  EXPECT_NEAR(fit.seconds_per_byte, 1 / kEngine, 1e-6 / kEngine);
  EXPECT_NEAR(fit.predicted_seconds, workload.step_seconds, 1e-9);
  EXPECT_FALSE(fit.at_limit);
}

TEST(EngineFit, KeepsTheLimitAndSaysSoWhenTheRecordingIsFaster) {
  Workload workload = dense(100);
  workload.step_seconds = 100 * kBlock / 40e9;
  const EngineFit fit =
      fit_engine(workload, kTiers, {std::vector<std::uint8_t>(100, 0)}, EngineLimits{0, kTiers[0]});
  EXPECT_DOUBLE_EQ(fit.seconds_per_byte, kTiers[0]);
  EXPECT_TRUE(fit.at_limit);
}

TEST(EngineFit, TakesAnEngineAboveOneThreadsBandwidthForSeveralThreads) {
  Workload workload = dense(100);
  workload.step_seconds = 100 * kBlock / 8e9;
  const EngineFit fit = fit_engine(workload, kTiers, {std::vector<std::uint8_t>(100, 0)},
                                   EngineLimits{1 / 5e9, kTiers[0]});
  EXPECT_NEAR(fit.seconds_per_byte, 1 / 8e9, 1e-6 / 8e9);
  EXPECT_FALSE(fit.at_limit);
}

TEST(EngineFit, StaysAtOneThreadsBandwidthWhereTheRecordingCannotTell) {
  Workload workload = dense(16);
  std::vector<std::uint8_t> where(16);
  for (std::size_t b = 0; b < 16; ++b) where[b] = static_cast<std::uint8_t>(b % 2);
  workload.step_seconds = 8 * kBlock / 2e9;  // the slow link alone, whatever the engine does
  const EngineFit fit = fit_engine(workload, kTiers, {where}, EngineLimits{1 / 9e9, kTiers[0]});
  EXPECT_DOUBLE_EQ(fit.seconds_per_byte, 1 / 9e9);
  EXPECT_FALSE(fit.at_limit);
}

TEST(Workload, CutsObjectsIntoPhasesOfNearlyEqualLength) {
  const Workload workload = workload_of({std::vector<double>(70, kBlock), {kBlock}});
  ASSERT_EQ(workload.phases.size(), 5u);
  std::uint32_t next = 0;
  for (int p = 0; p < 4; ++p) {
    EXPECT_EQ(workload.phases[p].first_block, next);
    EXPECT_NEAR(workload.phases[p].block_count, 17.5, 0.5);
    next += workload.phases[p].block_count;
  }
  EXPECT_EQ(next, 70u);
  EXPECT_EQ(workload.phases[4].object, 1u);
}

TEST(Workload, CallsBlocksThatMissStepsRouted) {
  const Workload workload = workload_of({{kBlock, kBlock * 0.9, kBlock * 0.7, 0, kBlock * 3}});
  const auto& blocks = workload.objects[0].blocks;
  EXPECT_EQ(blocks[0].access, Access::kStreamed);
  EXPECT_EQ(blocks[1].access, Access::kStreamed);
  EXPECT_EQ(blocks[2].access, Access::kRouted);
  EXPECT_EQ(blocks[3].access, Access::kUntouched);
  EXPECT_EQ(blocks[4].access, Access::kReused);
  EXPECT_DOUBLE_EQ(blocks[0].bytes_per_step, blocks[1].bytes_per_step);
  EXPECT_DOUBLE_EQ(blocks[4].bytes_per_step, kBlock * 3);
}

TEST(Workload, JudgesAShortLastBlockByItsOwnBytes) {
  heat::HeatMap heat = make_heat(fixture::make_machine({}), kStep);
  heat.objects.push_back(make_object(1, {kBlock, kBlock / 4}, kStep));
  heat.objects[0].key.size_bytes = kBlockBytes.value * 5 / 4;
  const Workload workload = *make_workload(heat, MiB(32));
  EXPECT_EQ(workload.objects[0].blocks[1].access, Access::kStreamed);
}

TEST(Workload, TrustsNoDifferenceThatCountsDoNotShow) {
  heat::HeatMap heat = make_heat(fixture::make_machine({}), kStep);
  heat.objects.push_back(make_object(1, std::vector<double>(100, kBlock), kStep));
  auto& object = heat.objects[0];
  object.block_bytes_per_second[7] *= 0.6;
  object.relative_error = 1 / std::sqrt(100.0 * 9);  // 9 counts a block: 5.4 is noise
  EXPECT_EQ(make_workload(heat, MiB(32))->objects[0].blocks[7].access, Access::kStreamed);
  object.relative_error = 1 / std::sqrt(100.0 * 900);
  EXPECT_EQ(make_workload(heat, MiB(32))->objects[0].blocks[7].access, Access::kRouted);
}

}  // namespace
}  // namespace terrace::model::step_model_test
