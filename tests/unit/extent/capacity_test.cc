// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/capacity.h"

#include <gtest/gtest.h>

namespace terrace::extent::capacity_test {
namespace {

constexpr std::uint64_t kBlock = kBlockBytes.value;

TEST(Capacity, GivesTheWantedTierWhileItHasRoom) {
  Capacity capacity;
  capacity.add_tier(Bytes(2 * kBlock));
  capacity.add_tier(Bytes(2 * kBlock));
  EXPECT_EQ(capacity.take_block(1), 1u);
  EXPECT_EQ(capacity.take_block(0), 0u);
  EXPECT_EQ(capacity.used_blocks(0), 1u);
  EXPECT_EQ(capacity.free_blocks(1), 1u);
  EXPECT_EQ(capacity.spilled_blocks(), 0u);
}

TEST(Capacity, SpillsToTheNextSlowerTierBeforeFasterOnes) {
  Capacity capacity;
  for (int tier = 0; tier < 4; ++tier) capacity.add_tier(Bytes(kBlock));
  EXPECT_EQ(capacity.take_block(1), 1u);
  EXPECT_EQ(capacity.take_block(1), 2u);
  EXPECT_EQ(capacity.take_block(1), 3u);
  EXPECT_EQ(capacity.take_block(1), 0u);
  EXPECT_EQ(capacity.spilled_blocks(), 3u);
}

TEST(Capacity, AmongFasterTiersTheNextFasterComesFirst) {
  Capacity capacity;
  for (int tier = 0; tier < 3; ++tier) capacity.add_tier(Bytes(kBlock));
  EXPECT_EQ(capacity.take_block(2), 2u);
  EXPECT_EQ(capacity.take_block(2), 1u);
  EXPECT_EQ(capacity.take_block(2), 0u);
}

TEST(Capacity, SaysWhenAllAreFullAndCountsNoSpillThen) {
  Capacity capacity;
  capacity.add_tier(Bytes(kBlock));
  capacity.add_tier(Bytes(0));
  EXPECT_EQ(capacity.take_block(0), 0u);
  EXPECT_EQ(capacity.take_block(0), kMaxTiers);
  EXPECT_EQ(capacity.take_block(1), kMaxTiers);
  EXPECT_EQ(capacity.spilled_blocks(), 0u);
}

TEST(Capacity, ReturnedBlocksCanBeTakenAgain) {
  Capacity capacity;
  capacity.add_tier(Bytes(kBlock));
  capacity.add_tier(Bytes(kBlock));
  ASSERT_EQ(capacity.take_block(0), 0u);
  ASSERT_EQ(capacity.take_block(0), 1u);
  capacity.give_back(0);
  EXPECT_EQ(capacity.take_block(0), 0u);
  EXPECT_EQ(capacity.spilled_blocks(), 1u);
}

TEST(Capacity, PartOfABlockIsNoRoom) {
  Capacity capacity;
  capacity.add_tier(Bytes(2 * kBlock - 1));
  EXPECT_EQ(capacity.take_block(0), 0u);
  EXPECT_EQ(capacity.take_block(0), kMaxTiers);
}

TEST(Capacity, SixteenTiersFit) {
  Capacity capacity;
  for (std::uint32_t tier = 0; tier < kMaxTiers; ++tier) capacity.add_tier(Bytes(kBlock));
  for (std::uint32_t tier = 0; tier < kMaxTiers; ++tier) EXPECT_EQ(capacity.take_block(0), tier);
  EXPECT_EQ(capacity.take_block(0), kMaxTiers);
}

}  // namespace
}  // namespace terrace::extent::capacity_test
