// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/tier_room.h"

#include <gtest/gtest.h>

namespace terrace::plan::tier_room_test {
namespace {

constexpr TierMask kFirst = 1;
constexpr TierMask kSecond = 2;

TEST(TierRoom, SpillsToTheNextSlowerThenToTheNearestFaster) {
  TierRoom room({1, 1, 1});
  EXPECT_EQ(room.take(1), 1);
  EXPECT_EQ(room.take(1), 2);
  EXPECT_EQ(room.take(1), 0);
}

TEST(TierRoom, ABlockTakesOnlyTiersThatItMayLieOn) {
  TierRoom room({1, 2, 2}, {{kFirst | kSecond, 3}});
  EXPECT_EQ(room.take(1, kFirst | kSecond), 1);
  EXPECT_EQ(room.take(1, kFirst | kSecond), 1);
  EXPECT_EQ(room.take(1, kFirst | kSecond), 0);
}

TEST(TierRoom, KeepsTheLastRoomForWhatMayLieNowhereElse) {
  TierRoom room({2, 2}, {{kFirst, 1}});
  EXPECT_EQ(room.take(0), 0);
  EXPECT_FALSE(room.has(0)) << "the other block of tier 0 is the pinned one's";
  EXPECT_TRUE(room.has(0, kFirst));
  EXPECT_EQ(room.take(0), 1);
  EXPECT_EQ(room.take(0, kFirst), 0);
}

TEST(TierRoom, KeepsRoomForOverlappingSetsTogether) {
  // Two of {0, 1} and two of {1, 2} in three blocks and one: the fourth tier is for the rest.
  TierRoom room({1, 2, 1, 9}, {{0b0011, 2}, {0b0110, 2}});
  for (std::size_t tier = 0; tier < 3; ++tier) EXPECT_FALSE(room.has(tier)) << tier;
  EXPECT_EQ(room.take(0), 3);
  EXPECT_EQ(room.take(1, 0b0011), 1);
  EXPECT_EQ(room.take(1, 0b0110), 1);
  EXPECT_EQ(room.take(1, 0b0110), 2);
  EXPECT_EQ(room.take(0, 0b0011), 0);
}

TEST(TierRoom, SlackIsNegativeByWhatDoesNotFit) {
  const TierRoom room({1, 1, 9}, {{0b001, 1}, {0b011, 3}});
  std::int64_t least = 0;
  for (const Slack& slack : room.slack()) least = std::min(least, slack.blocks);
  EXPECT_EQ(least, -2);
}

}  // namespace
}  // namespace terrace::plan::tier_room_test
