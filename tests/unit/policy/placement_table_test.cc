// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/placement_table.h"

#include <gtest/gtest.h>

namespace terrace::policy::placement_table_test {
namespace {

TEST(PlacementTable, SpillsToTheNextSlowerTierThenToAFasterOne) {
  PlacementTable table({1, 1, 2}, 4);
  EXPECT_EQ(table.allocate(0, 1), 1);
  EXPECT_EQ(table.allocate(1, 1), 2);
  EXPECT_EQ(table.allocate(2, 2), 2);
  EXPECT_EQ(table.allocate(3, 2), 0);
  EXPECT_EQ(table.free_in_all(), 0u);
}

TEST(PlacementTable, RefusesAMoveWithoutRoom) {
  PlacementTable table({1, 2}, 2);
  table.allocate(0, 0);
  table.allocate(1, 1);
  EXPECT_FALSE(table.move(1, 0));
  EXPECT_FALSE(table.move(1, 1));
  EXPECT_EQ(table.counts().moves, 0u);
}

TEST(PlacementTable, ChargesBothLinksOfEachMove) {
  PlacementTable table({1, 2}, 2);
  table.allocate(0, 0);
  table.allocate(1, 1);
  table.exchange(0, 1);
  EXPECT_EQ(table.tier_of(0), 1);
  EXPECT_EQ(table.tier_of(1), 0);
  EXPECT_EQ(table.counts().moves, 2u);
  EXPECT_EQ(table.link_blocks(), (std::vector<std::uint64_t>{2, 2}));
}

TEST(PlacementTable, CountsAMoveThatUndoesTheBlocksLast) {
  PlacementTable table({2, 2, 2}, 1);
  table.allocate(0, 0);
  EXPECT_TRUE(table.move(0, 1));
  EXPECT_EQ(table.counts().back_and_forth, 0u);
  EXPECT_TRUE(table.move(0, 2));
  EXPECT_EQ(table.counts().back_and_forth, 0u);
  EXPECT_TRUE(table.move(0, 1));
  EXPECT_EQ(table.counts().back_and_forth, 1u);
}

TEST(PlacementTable, ForgetsTheMovesOfABlockThatEnded) {
  PlacementTable table({1, 1}, 1);
  table.allocate(0, 0);
  EXPECT_TRUE(table.move(0, 1));
  table.release(0);
  table.allocate(0, 1);
  EXPECT_TRUE(table.move(0, 0));
  EXPECT_EQ(table.counts().back_and_forth, 0u);
}

}  // namespace
}  // namespace terrace::policy::placement_table_test
