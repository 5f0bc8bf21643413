// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/online_heat.h"

#include <gtest/gtest.h>

#include <random>

namespace terrace::policy {
namespace {

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
  OnlineHeat heat(layout);
  allocate(heat, layout);
  for (int step = 0; step < 300; ++step) {
    heat.touched({0, 8});
    heat.step_ended();
  }
  heat.refresh();
  EXPECT_TRUE(heat.streamed(0));
  EXPECT_NEAR(heat.expected_touches(0), heat.horizon(0), 0.1 * heat.horizon(0));
  EXPECT_FALSE(heat.streamed(8));
  EXPECT_LT(heat.expected_touches(8), 0.5);
}

TEST(OnlineHeat, TakesChanceForNoStream) {
  const Layout layout = two_objects(1000, 1);
  OnlineHeat heat(layout);
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
  OnlineHeat heat(layout);
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
  for (BlockId block = 0; block < 200; ++block) warm += heat.expected_touches(block) / 200;
  for (BlockId block = 200; block < 400; ++block) cool += heat.expected_touches(block) / 200;
  EXPECT_NEAR(warm, 0.3 * heat.horizon(0), 0.04 * heat.horizon(0));
  EXPECT_NEAR(cool, 0.1 * heat.horizon(0), 0.03 * heat.horizon(0));
}

// Ranges that are touched for long stretches: what was touched just now is worth more than the
// rest.
TEST(OnlineHeat, LearnsThatBurstsLast) {
  const Layout layout = two_objects(64 * 16, 1);
  OnlineHeat heat(layout);
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
  EXPECT_GT(heat.expected_touches(active * 16), 8 * heat.expected_touches(idle * 16));
  EXPECT_LT(heat.expected_touches(active * 16), 64);
  EXPECT_LT(heat.horizon(active * 16), 256);
}

TEST(OnlineHeat, ForgetsABlockThatComesIntoBeingAgain) {
  const Layout layout = two_objects(4, 4);
  OnlineHeat heat(layout);
  allocate(heat, layout);
  for (int step = 0; step < 50; ++step) {
    heat.touched({0, 8});
    heat.step_ended();
  }
  heat.allocated(0);
  heat.refresh();
  EXPECT_EQ(heat.age(0), 0u);
  EXPECT_FALSE(heat.streamed(0));
  EXPECT_LT(heat.expected_touches(0), heat.expected_touches(1));
}

}  // namespace
}  // namespace terrace::policy
