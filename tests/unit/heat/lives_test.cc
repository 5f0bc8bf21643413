// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/lives.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace terrace::heat::lives_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ObjectHeat life(std::uint64_t object, std::uint32_t ordinal, double lifetime_share,
                std::vector<double> rates) {
  ObjectHeat heat;
  heat.object = object;
  heat.key = {0x5d98, rates.size() * kBlockBytes.value, ordinal, Origin::kHeap};
  heat.lifetime_share = lifetime_share;
  heat.block_tiers.assign(rates.size(), static_cast<std::uint8_t>(object));
  heat.block_bytes_per_second = std::move(rates);
  heat.source = "present-bits";
  heat.watched_seconds = 2;
  heat.relative_error = 0.1;
  return heat;
}

TEST(Lives, OfOneKeyBecomeOneObjectWithTheMeanOfTheirRates) {
  HeatMap map;
  map.objects = {life(1, 0, 0.25, {80, 0}), life(2, 1, 0.9, {30, 30}), life(3, 0, 0.75, {40, 40})};
  join_lives(map);
  ASSERT_EQ(map.objects.size(), 2u);
  const ObjectHeat& joined = map.objects[0];
  EXPECT_THAT(joined.block_bytes_per_second, ElementsAre(50, 30));
  EXPECT_DOUBLE_EQ(joined.lifetime_share, 1);
  EXPECT_DOUBLE_EQ(joined.watched_seconds, 4);
  EXPECT_NEAR(joined.relative_error, std::hypot(0.25 * 80, 0.75 * 80) * 0.1 / 80, 1e-12);
  EXPECT_THAT(joined.block_tiers, ElementsAre(3, 3)) << "the longest life says where it lay";
  EXPECT_EQ(map.objects[1].object, 2u);
}

TEST(Lives, StayHottestFirst) {
  HeatMap map;
  map.objects = {life(1, 0, 0.5, {90}), life(2, 1, 0.5, {60}), life(3, 0, 0.5, {10})};
  join_lives(map);
  ASSERT_EQ(map.objects.size(), 2u);
  EXPECT_EQ(map.objects[0].key.ordinal, 1u);
  EXPECT_DOUBLE_EQ(map.objects[1].bytes_per_second(), 50);
}

TEST(Lives, WritesAreUnknownWhereOneLifeHasNone) {
  HeatMap map;
  map.objects = {life(1, 0, 0.5, {10}), life(2, 0, 0.5, {10})};
  map.objects[0].block_bytes_written_per_second = {4};
  map.objects[0].written_known_bytes = static_cast<double>(kBlockBytes.value);
  join_lives(map);
  ASSERT_EQ(map.objects.size(), 1u);
  EXPECT_THAT(map.objects[0].block_bytes_written_per_second, IsEmpty());
  EXPECT_EQ(map.objects[0].written_known_share(), 0);
}

TEST(Lives, ThatWereNotWatchedLongEnoughLeaveTheSourceToOthers) {
  HeatMap map;
  map.objects = {life(1, 0, 0, {0}), life(2, 0, 0, {10})};
  map.objects[0].source = "none";
  join_lives(map);
  ASSERT_EQ(map.objects.size(), 1u);
  EXPECT_EQ(map.objects[0].source, "present-bits");
  EXPECT_DOUBLE_EQ(map.objects[0].bytes_per_second(), 5);
}

TEST(Lives, ObjectsOfDifferentKeysStayAsTheyAre) {
  HeatMap map;
  map.objects = {life(1, 0, 0.5, {9}), life(2, 1, 0.5, {8}), life(3, 0, 0.5, {4, 3})};
  map.objects.push_back(life(4, 0, 0.5, {6}));
  map.objects.back().key.origin = Origin::kFile;
  join_lives(map);
  EXPECT_EQ(map.objects.size(), 4u);
}

}  // namespace
}  // namespace terrace::heat::lives_test
