// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/online_heat.h"

#include <gtest/gtest.h>

#include <random>

namespace terrace::policy::online_heat_test {
namespace {

constexpr double kPrice = 3;  // touches

Layout two_objects(std::uint32_t first, std::uint32_t second) {
  Layout layout;
  layout.add("a", first);
  layout.add("b", second);
  return layout;
}

void allocate(OnlineHeat& heat, const Layout& layout) {
  for (BlockId block = 0; block < layout.blocks(); ++block) heat.allocated(block);
}

TEST(OnlineHeat, ExpectsOneTouchAStepOfAStream) {
  const Layout layout = two_objects(8, 8);
  OnlineHeat heat(layout, kPrice);
  allocate(heat, layout);
  for (int step = 0; step < 300; ++step) {
    heat.touched({0, 8});
    heat.step_ended();
  }
  heat.refresh();
  EXPECT_TRUE(heat.streamed(0));
  EXPECT_NEAR(heat.outlook(0).touches, heat.outlook(0).horizon, 0.1 * heat.outlook(0).horizon);
  EXPECT_FALSE(heat.streamed(8));
  EXPECT_LT(heat.outlook(8).touches, 0.5);
}

TEST(OnlineHeat, TakesChanceForNoStream) {
  const Layout layout = two_objects(1000, 1);
  OnlineHeat heat(layout, kPrice);
  allocate(heat, layout);
  std::mt19937 random(7);
  for (int step = 0; step < 100; ++step) {
    for (BlockId block = 0; block < 1000; ++block) {
      if (random() % 2 == 0) heat.touched({block, 1});
    }
    heat.step_ended();
  }
  for (BlockId block = 0; block < 1000; ++block) EXPECT_FALSE(heat.streamed(block)) << block;
}

TEST(OnlineHeat, TrustsTheLongRunWhereHeatIsSteady) {
  const Layout layout = two_objects(400, 1);
  OnlineHeat heat(layout, kPrice);
  allocate(heat, layout);
  std::mt19937 random(11);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int step = 0; step < 512; ++step) {
    for (BlockId block = 0; block < 400; ++block) {
      if (unit(random) < (block < 200 ? 0.3 : 0.1)) heat.touched({block, 1});
    }
    heat.step_ended();
  }
  heat.refresh();
  double warm = 0;
  double cool = 0;
  for (BlockId block = 0; block < 200; ++block) warm += heat.outlook(block).touches / 200;
  for (BlockId block = 200; block < 400; ++block) cool += heat.outlook(block).touches / 200;
  EXPECT_NEAR(warm, 0.3 * heat.outlook(0).horizon, 0.04 * heat.outlook(0).horizon);
  EXPECT_NEAR(cool, 0.1 * heat.outlook(0).horizon, 0.03 * heat.outlook(0).horizon);
}

// Ranges that are touched for long stretches: what was touched just now is worth more than the
// rest.
TEST(OnlineHeat, LearnsThatBurstsLast) {
  const Layout layout = two_objects(64 * 16, 1);
  OnlineHeat heat(layout, kPrice);
  allocate(heat, layout);
  std::mt19937 random(13);
  BlockId active = 0;
  for (int step = 0; step < 1024; ++step) {
    if (random() % 32 == 0) active = static_cast<BlockId>(random() % 64);
    heat.touched({active * 16, 16});
    heat.step_ended();
  }
  heat.refresh();
  const BlockId idle = (active + 1) % 64;
  EXPECT_GT(heat.outlook(active * 16).touches, 8 * heat.outlook(idle * 16).touches);
  EXPECT_LT(heat.outlook(active * 16).touches, 64);
  EXPECT_LT(heat.outlook(active * 16).horizon, 256);
}

// Touches that come by chance now and then, as often as it takes to be expected again: what was
// expected of such blocks came true for some, and the rest fell short.
TEST(OnlineHeat, RemembersWhatPredictionsFellShortBy) {
  const Layout layout = two_objects(1000, 8);
  OnlineHeat heat(layout, kPrice);
  allocate(heat, layout);
  std::mt19937 random(17);
  for (int step = 0; step < 512; ++step) {
    for (BlockId block = 0; block < 1000; ++block) {
      if (random() % 32 == 0) heat.touched({block, 1});
    }
    heat.touched({1000, 8});
    heat.step_ended();
  }
  heat.refresh();
  double wasted = 0;
  for (BlockId block = 0; block < 1000; ++block) wasted += heat.outlook(block).wasted / 1000;
  EXPECT_GT(wasted, 0);
  EXPECT_LT(wasted, kPrice);
  EXPECT_EQ(heat.outlook(1000).wasted, 0);
}

TEST(OnlineHeat, ForgetsABlockThatComesIntoBeingAgain) {
  const Layout layout = two_objects(4, 4);
  OnlineHeat heat(layout, kPrice);
  allocate(heat, layout);
  for (int step = 0; step < 50; ++step) {
    heat.touched({0, 8});
    heat.step_ended();
  }
  heat.allocated(0);
  heat.refresh();
  EXPECT_EQ(heat.age(0), 0u);
  EXPECT_FALSE(heat.streamed(0));
  EXPECT_LT(heat.outlook(0).touches, heat.outlook(1).touches);
}

}  // namespace
}  // namespace terrace::policy::online_heat_test
