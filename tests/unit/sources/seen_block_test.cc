// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/seen_block.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>

namespace terrace::sources::seen_block_test {
namespace {

constexpr std::uint64_t kPairs = 20000;
constexpr std::uint64_t kPairsOfAFlush = 32;

/// Says whether the block is passed in each of two windows, one behind the other.
using Windows = std::function<void(bool& first, bool& second)>;

/// Passes a window as counted, with what was lost.
double counted(const Windows& look) {
  SeenBlock block;
  std::uint64_t passes = 0;
  std::uint32_t seen = 0;
  for (std::uint64_t pair = 1; pair <= kPairs; ++pair) {
    bool first = false;
    bool second = false;
    look(first, second);
    block.first_window(first);
    block.second_window(second);
    seen += (first ? 1u : 0u) + (second ? 1u : 0u);
    if (pair % kPairsOfAFlush != 0) continue;
    passes += seen + block.take_lost(seen, 2 * kPairsOfAFlush);
    seen = 0;
  }
  return static_cast<double>(passes) / (2.0 * kPairs);
}

TEST(SeenBlock, PassesAtRandomAreCountedAsOftenAsTheyCome) {
  for (const double rate : {0.05, 0.2, 0.4, 0.6}) {
    std::mt19937 random(7);
    std::poisson_distribution<int> passes(rate);
    const double found = counted([&](bool& first, bool& second) {
      first = passes(random) > 0;
      second = passes(random) > 0;
    });
    EXPECT_NEAR(found / rate, 1, 0.03) << rate << " passes a window";
    EXPECT_LT((1 - std::exp(-rate)) / rate, 0.98) << "and without it some are lost";
  }
}

TEST(SeenBlock, AScanThatComesBackAfterMoreThanTwoWindowsIsLeftAlone) {
  for (const double period : {2.1, 3.0, 7.0}) {
    std::mt19937 random(7);
    std::uniform_real_distribution<double> phase(0, period);
    const double found = counted([&](bool& first, bool& second) {
      const double at = phase(random);
      first = at < 1;
      second = at >= 1 && at < 2;
    });
    EXPECT_NEAR(found * period, 1, 0.03) << "every " << period << " windows";
  }
}

TEST(SeenBlock, PartsOfALostPassAddUp) {
  SeenBlock block;
  std::uint32_t lost = 0;
  // One repeat in each of 100 flushes, at a chance of 10 of 40: 1.2 lost passes each.
  for (int flush = 0; flush < 100; ++flush) {
    block.first_window(true);
    block.second_window(true);
    lost += block.take_lost(10, 38);
  }
  EXPECT_NEAR(lost, 100 * SeenBlock::lost_for_repeat(0.25), 1.5);
  EXPECT_GT(lost, 115u);
}

TEST(SeenBlock, ARepeatIsMoreLostPassesWhereTheBlockIsSeenOften) {
  EXPECT_DOUBLE_EQ(SeenBlock::lost_for_repeat(0), 1);
  for (const double p : {0.1, 0.25, 0.5}) {
    EXPECT_NEAR(SeenBlock::lost_for_repeat(p), 2 * (-std::log1p(-p) - p) / (p * p), 1e-4) << p;
  }
  EXPECT_DOUBLE_EQ(SeenBlock::lost_for_repeat(0.9), SeenBlock::lost_for_repeat(0.5));
}

TEST(SeenBlock, ForgottenRepeatsAreNotCounted) {
  SeenBlock block;
  block.first_window(true);
  EXPECT_TRUE(block.second_window(true));
  block.forget_repeats();
  EXPECT_EQ(block.take_lost(2, 2), 0u);
}

TEST(SeenBlock, TellsWhatFirstWindowsOfTwoPairsBothSaw) {
  SeenBlock block;
  EXPECT_FALSE(block.first_window(true));
  block.second_window(false);
  EXPECT_TRUE(block.first_window(true));
  EXPECT_FALSE(block.first_window(false));
  EXPECT_FALSE(block.first_window(true));
}

TEST(SeenBlock, WhatNearlyEachWindowSeesIsInConstantUse) {
  SeenBlock constant;
  SeenBlock often;
  for (int pair = 0; pair < 40; ++pair) {
    constant.first_window(true);
    constant.second_window(false);
    often.first_window(pair % 4 != 0);
  }
  EXPECT_TRUE(constant.is_in_constant_use());
  EXPECT_FALSE(often.is_in_constant_use());
  EXPECT_NEAR(often.recent(), 192, 24);
  for (int pair = 0; pair < 40; ++pair) constant.first_window(false);
  EXPECT_LT(constant.recent(), 10) << "what loading touched is forgotten";
  SeenBlock loaded;
  for (int pair = 0; pair < 8; ++pair) loaded.first_window(true);
  EXPECT_FALSE(loaded.is_in_constant_use()) << "the first windows may be too long";
}

TEST(SeenBlock, RemembersForEverThatAWindowSawIt) {
  SeenBlock block;
  EXPECT_FALSE(block.ever());
  block.saw();
  block.first_window(false);
  block.take_lost(0, 2);
  EXPECT_TRUE(block.ever());
}

TEST(SeenBlock, WhatWindowsNeverSeeIsBetterLeftUntilItComesBack) {
  SeenBlock block;
  EXPECT_FALSE(block.set_mapped(true));
  EXPECT_TRUE(block.is_better_left());
  block.leave();
  block.first_window(false);
  EXPECT_FALSE(block.set_mapped(false));
  EXPECT_TRUE(block.is_left()) << "nobody came by";
  EXPECT_TRUE(block.set_mapped(true)) << "somebody did, and paid for it";
  EXPECT_FALSE(block.is_left());
  EXPECT_FALSE(block.is_better_left()) << "not again";
  EXPECT_FALSE(block.set_mapped(true)) << "paid once";
}

TEST(SeenBlock, WhatAWindowSawLatelyIsPutBack) {
  SeenBlock block;
  block.first_window(true);
  for (int pair = 0; pair < 8; ++pair) {
    EXPECT_FALSE(block.is_better_left()) << pair;
    block.first_window(false);
  }
  for (int pair = 0; pair < 8; ++pair) block.first_window(false);
  EXPECT_TRUE(block.is_better_left());
}

TEST(SeenBlock, KeepsThroughAPairWhetherItWasMapped) {
  SeenBlock block;
  EXPECT_FALSE(block.was_mapped());
  block.set_mapped(true);
  block.first_window(true);
  block.second_window(false);
  EXPECT_TRUE(block.was_mapped());
  block.set_mapped(false);
  EXPECT_FALSE(block.was_mapped());
  EXPECT_TRUE(block.first_window(true));
}

}  // namespace
}  // namespace terrace::sources::seen_block_test
