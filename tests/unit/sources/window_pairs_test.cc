// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/window_pairs.h"

#include <gtest/gtest.h>

namespace terrace::sources::window_pairs_test {
namespace {

TEST(WindowPairs, ASecondFollowsAFirstThatCounted) {
  WindowPairs pairs;
  EXPECT_FALSE(pairs.begin());
  EXPECT_FALSE(pairs.second_due());
  pairs.first_counted(20, 100, 0);
  EXPECT_TRUE(pairs.second_due());
  EXPECT_TRUE(pairs.begin());
  EXPECT_TRUE(pairs.in_second());
  pairs.second_counted(3);
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
  pairs.first_counted(50, 100, 0);
  EXPECT_FALSE(pairs.second_due());
}

TEST(WindowPairs, TheChanceIsWhatTheFirstWindowOfThePairBeforeSawToo) {
  WindowPairs pairs;
  for (int i = 0; i < 10; ++i) {
    pairs.begin();
    pairs.first_counted(40, 500, 10);
    pairs.begin();
    pairs.second_counted(6);
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
    pairs.first_counted(40, 500, 1);
    pairs.begin();
    pairs.second_counted(24);
  }
  EXPECT_FALSE(pairs.tell_losses());
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.6);
}

TEST(WindowPairs, AFewTouchesTellNoChance) {
  WindowPairs pairs;
  for (int i = 0; i < 9; ++i) pairs.first_counted(2, 100, 2);
  EXPECT_TRUE(pairs.tell_length());
  EXPECT_EQ(pairs.take_chance(), 0);
}

TEST(WindowPairs, WhatTellsTheLengthIsGatheredOverWritings) {
  WindowPairs pairs;
  for (int i = 0; i < 6; ++i) {
    EXPECT_FALSE(pairs.tell_length());
    pairs.begin();
    pairs.first_counted(10, 500, 3);
    pairs.begin();
    pairs.second_counted(1);
    pairs.counts_written();
  }
  EXPECT_TRUE(pairs.tell_length());
  EXPECT_DOUBLE_EQ(pairs.take_chance(), 0.3);
  EXPECT_FALSE(pairs.tell_length());
}

TEST(WindowPairs, ThatTheyAreFarTooLongOnePairTells) {
  WindowPairs pairs;
  pairs.begin();
  pairs.first_counted(50, 500, 0);
  EXPECT_FALSE(pairs.tell_length());
  pairs.begin();
  pairs.second_counted(35);
  EXPECT_TRUE(pairs.tell_length());
  const double chance = pairs.take_chance();
  EXPECT_DOUBLE_EQ(chance, 0.7);
  EXPECT_TRUE(WindowPairs::is_far_too_long(chance));
  EXPECT_FALSE(WindowPairs::is_far_too_long(0.25));
}

TEST(WindowPairs, TellNothingOfLossesWhereMostBlocksAreSeenByEveryWindow) {
  WindowPairs pairs;
  pairs.first_counted(100, 1000, 80);
  EXPECT_FALSE(pairs.tell_losses());
}

}  // namespace
}  // namespace terrace::sources::window_pairs_test
