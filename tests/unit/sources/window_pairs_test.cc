// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/window_pairs.h"

#include <gtest/gtest.h>

namespace terrace::sources::window_pairs_test {
namespace {

/// Windows in which nothing is in constant use.
void first(WindowPairs& pairs, const WindowPairs::Seen& seen, std::uint64_t ever) {
  pairs.first_counted(seen, seen, ever);
}
void second(WindowPairs& pairs, const WindowPairs::Seen& seen) {
  pairs.second_counted(seen, seen);
}

TEST(WindowPairs, ASecondFollowsAFirstThatCounted) {
  WindowPairs pairs;
  EXPECT_FALSE(pairs.begin());
  EXPECT_FALSE(pairs.second_due());
  first(pairs, {20, 0}, 100);
  EXPECT_TRUE(pairs.second_due());
  EXPECT_TRUE(pairs.begin());
  EXPECT_TRUE(pairs.in_second());
  second(pairs, {0, 3});
  EXPECT_FALSE(pairs.second_due());
  EXPECT_FALSE(pairs.begin());
  EXPECT_EQ(pairs.pairs(), 1u);
  EXPECT_EQ(pairs.repeats(), 3u);
}

TEST(WindowPairs, AFirstThatDidNotCountHasNoSecond) {
  WindowPairs pairs;
  EXPECT_FALSE(pairs.begin());
  EXPECT_FALSE(pairs.begin());
}

TEST(WindowPairs, WhereAScanIsSeenNearlyByHalfThereIsNoSecond) {
  WindowPairs pairs;
  pairs.begin();
  first(pairs, {50, 0}, 100);
  EXPECT_FALSE(pairs.second_due());
}

TEST(WindowPairs, TheChanceIsWhatTheFirstWindowOfThePairBeforeSawToo) {
  WindowPairs pairs;
  for (int i = 0; i < 10; ++i) {
    pairs.begin();
    first(pairs, {40, 10}, 500);
    pairs.begin();
    second(pairs, {0, 6});
  }
  EXPECT_TRUE(pairs.tell_losses());
  EXPECT_TRUE(pairs.tell_length());
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.25);
  EXPECT_EQ(pairs.take_chance(), 0) << "told once";
  EXPECT_EQ(pairs.repeats(), 60u);
  pairs.counts_written();
  EXPECT_EQ(pairs.repeats(), 0u);
}

TEST(WindowPairs, WhereTheProgramMovesOnTheTwoOfAPairTellTheChance) {
  WindowPairs pairs;
  for (int i = 0; i < 10; ++i) {
    pairs.begin();
    first(pairs, {40, 1}, 500);
    pairs.begin();
    second(pairs, {0, 24});
  }
  EXPECT_FALSE(pairs.tell_losses());
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.6);
}

TEST(WindowPairs, AFewBlocksInConstantUseTellNothingOfTheOthers) {
  WindowPairs pairs;
  for (int i = 0; i < 10; ++i) {
    pairs.begin();
    pairs.first_counted({20, 11}, {10, 1}, 500);
    pairs.begin();
    pairs.second_counted({19, 12}, {9, 2});
  }
  EXPECT_TRUE(pairs.tell_losses());
  EXPECT_EQ(pairs.repeats(), 120u) << "those of all blocks";
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.2);
}

TEST(WindowPairs, WhereMostBlocksAreInConstantUseTheWindowsAreTooLong) {
  WindowPairs pairs;
  for (int i = 0; i < 10; ++i) {
    pairs.begin();
    pairs.first_counted({100, 80}, {30, 5}, 500);
    pairs.begin();
    pairs.second_counted({100, 90}, {30, 10});
  }
  EXPECT_FALSE(pairs.tell_losses());
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.9);
}

TEST(WindowPairs, AFewTouchesTellNoChance) {
  WindowPairs pairs;
  for (int i = 0; i < 9; ++i) first(pairs, {2, 2}, 100);
  EXPECT_TRUE(pairs.tell_length());
  EXPECT_EQ(pairs.take_chance(), 0);
}

TEST(WindowPairs, WhatTellsTheLengthIsGatheredOverWritings) {
  WindowPairs pairs;
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(pairs.tell_length());
    pairs.begin();
    first(pairs, {10, 3}, 500);
    pairs.begin();
    second(pairs, {0, 1});
    pairs.counts_written();
  }
  EXPECT_TRUE(pairs.tell_length());
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.3);
  EXPECT_FALSE(pairs.tell_length());
}

TEST(WindowPairs, ThatTheyAreFarTooLongOnePairTells) {
  WindowPairs pairs;
  pairs.begin();
  first(pairs, {50, 0}, 500);
  EXPECT_FALSE(pairs.tell_length());
  pairs.begin();
  second(pairs, {0, 35});
  EXPECT_TRUE(pairs.tell_length());
  const double chance = pairs.take_chance();
  EXPECT_DOUBLE_EQ(chance, 0.7);
  EXPECT_TRUE(WindowPairs::is_far_too_long(chance));
  EXPECT_FALSE(WindowPairs::is_far_too_long(0.25));
}

TEST(WindowPairs, TellNothingOfLossesWhereMostBlocksAreSeenByEveryWindow) {
  WindowPairs pairs;
  first(pairs, {100, 80}, 1000);
  EXPECT_FALSE(pairs.tell_losses());
}

}  // namespace
}  // namespace terrace::sources::window_pairs_test
