// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/online_bursts.h"

#include <gtest/gtest.h>

namespace terrace::policy::online_bursts_test {
namespace {

constexpr double kPrice = 3;  // touches

Layout one_object(std::uint32_t blocks) {
  Layout layout;
  layout.add("a", blocks);
  return layout;
}

void touch(OnlineBursts& bursts, BlockId block) {
  if (bursts.touched(block)) bursts.watch(block);
}

// Each block in turn is touched for `burst` steps in a row, after which the next one is.
void run_bursts(OnlineBursts& bursts, std::uint32_t blocks, std::uint32_t burst,
                std::uint32_t steps) {
  for (std::uint32_t step = 0; step < steps; ++step) {
    touch(bursts, step / burst % blocks);
    bursts.step_ended();
  }
}

void rest(OnlineBursts& bursts, std::uint32_t steps) {
  for (std::uint32_t step = 0; step < steps; ++step) bursts.step_ended();
}

TEST(OnlineBursts, KnowsHowLongBurstsLast) {
  OnlineBursts bursts(one_object(40), kPrice);
  run_bursts(bursts, 40, 10, 4000);
  rest(bursts, 100);
  touch(bursts, 7);
  const BurstOutlook first = bursts.outlook(7);
  EXPECT_GT(first.cases, 16);
  EXPECT_NEAR(first.next, 1, 0.01);
  EXPECT_NEAR(first.later, 9, 0.01);
  EXPECT_EQ(first.wasted, 0);
  EXPECT_EQ(first.in_vain, 0);
}

TEST(OnlineBursts, KnowsThatStrayTouchesAreNotFollowedByOthers) {
  OnlineBursts bursts(one_object(200), kPrice);
  run_bursts(bursts, 200, 1, 4000);
  rest(bursts, 100);
  touch(bursts, 7);
  const BurstOutlook stray = bursts.outlook(7);
  EXPECT_GT(stray.cases, 16);
  EXPECT_EQ(stray.next, 0);
  EXPECT_EQ(stray.later, 0);
  EXPECT_NEAR(stray.wasted, kPrice, 1e-9);
  EXPECT_NEAR(stray.in_vain, 1, 1e-9);
}

// Every second block is touched once, the others for ten steps: the second touch tells them apart.
TEST(OnlineBursts, TellsBurstsFromStrayTouchesByTheSecondTouch) {
  OnlineBursts bursts(one_object(80), kPrice);
  for (std::uint32_t round = 0; round < 400; ++round) {
    const BlockId block = round * 2 % 80;
    for (int step = 0; step < 10; ++step) {
      touch(bursts, block);
      if (step == 5) touch(bursts, block + 1);
      bursts.step_ended();
    }
  }
  rest(bursts, 100);
  touch(bursts, 7);
  const BurstOutlook first = bursts.outlook(7);
  EXPECT_NEAR(first.in_vain, 0.5, 0.05);
  EXPECT_NEAR(first.later, 4.5, 0.5);
  bursts.step_ended();
  touch(bursts, 7);
  const BurstOutlook second = bursts.outlook(7);
  EXPECT_EQ(second.in_vain, 0);
  EXPECT_NEAR(second.later, 8, 0.1);
}

TEST(OnlineBursts, TakesStreamsAndNewBlocksForAwakeAlready) {
  OnlineBursts bursts(one_object(2), kPrice);
  bursts.allocated(0);
  for (int step = 0; step < 100; ++step) {
    EXPECT_FALSE(bursts.touched(0)) << step;
    bursts.step_ended();
  }
}

TEST(OnlineBursts, NamesABlockOnceAStep) {
  OnlineBursts bursts(one_object(2), kPrice);
  rest(bursts, 20);
  EXPECT_TRUE(bursts.touched(1));
  EXPECT_FALSE(bursts.touched(1));
}

TEST(OnlineBursts, ExpectsOnWakingWhatItFindsOnceTheBlockWoke) {
  OnlineBursts bursts(one_object(40), kPrice);
  run_bursts(bursts, 40, 10, 4000);
  rest(bursts, 100);
  const BurstOutlook before = bursts.outlook_on_waking(7);
  touch(bursts, 7);
  EXPECT_EQ(before.later, bursts.outlook(7).later);
  EXPECT_EQ(before.cases, bursts.outlook(7).cases);
}

TEST(OnlineBursts, OldEvidenceFades) {
  OnlineBursts bursts(one_object(40), kPrice);
  run_bursts(bursts, 40, 10, 4000);
  const double cases = bursts.outlook_on_waking(0).cases;
  rest(bursts, 64 * 40);
  EXPECT_LT(bursts.outlook_on_waking(0).cases, cases / 100);
}

}  // namespace
}  // namespace terrace::policy::online_bursts_test
