// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/difference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/plan/heat_fixture.h"

namespace terrace::heat::difference_test {
namespace {

using fixture::kBlock;
using fixture::make_heat;
using fixture::make_machine;
using fixture::make_object;
using fixture::make_tier;

constexpr double kStep = 0.05;

HeatMap map_of(std::vector<ObjectHeat> objects, double step = kStep) {
  HeatMap map =
      make_heat(make_machine({make_tier("fast", 64, 10), make_tier("slow", 64, 2)}), step);
  map.objects = std::move(objects);
  return map;
}

const ObjectDifference& of_before(const Difference& difference, std::size_t index) {
  for (const ObjectDifference& object : difference.objects) {
    if (object.before == index) return object;
  }
  ADD_FAILURE() << "no object " << index;
  return difference.objects.front();
}

TEST(Difference, SameObjectsAreMatchedWhateverTheirOrder) {
  const HeatMap before = map_of({make_object(1, {kBlock}, kStep), make_object(2, {kBlock}, kStep)});
  const HeatMap after = map_of({make_object(2, {kBlock}, kStep), make_object(1, {kBlock}, kStep)});
  const Difference difference = difference_of(before, after);
  ASSERT_EQ(difference.objects.size(), 2u);
  EXPECT_EQ(of_before(difference, 0).after, 1u);
  EXPECT_EQ(of_before(difference, 1).after, 0u);
  for (const ObjectDifference& object : difference.objects) {
    EXPECT_EQ(object.change(), 0);
    EXPECT_FALSE(object.significant);
  }
}

TEST(Difference, RoundingOfExactFiguresIsNoChange) {
  HeatMap before = map_of({make_object(1, {kBlock}, kStep)});
  HeatMap after = before;
  before.objects[0].relative_error = 0;
  after.objects[0].relative_error = 0;
  after.objects[0].block_bytes_per_second[0] *= 1 + 1e-13;
  EXPECT_FALSE(difference_of(before, after).objects[0].significant);
  after.objects[0].block_bytes_per_second[0] *= 1 + 1e-6;
  EXPECT_TRUE(difference_of(before, after).objects[0].significant);
}

TEST(Difference, HeatIsForEachStepWhereBothHaveOne) {
  const HeatMap before = map_of({make_object(1, {kBlock}, kStep)});
  const HeatMap slower = map_of({make_object(1, {kBlock}, 2 * kStep)}, 2 * kStep);
  const Difference by_step = difference_of(before, slower);
  EXPECT_TRUE(by_step.per_step);
  EXPECT_DOUBLE_EQ(by_step.objects[0].heat_before, kBlock);
  EXPECT_DOUBLE_EQ(by_step.objects[0].heat_after, kBlock);
  const Difference by_second = difference_of(before, map_of({make_object(1, {kBlock}, kStep)}, 0));
  EXPECT_FALSE(by_second.per_step);
  EXPECT_DOUBLE_EQ(by_second.objects[0].heat_before, kBlock / kStep);
}

TEST(Difference, ChangeCountsBeyondTwiceItsStandardError) {
  ObjectHeat was = make_object(1, {kBlock, kBlock}, kStep);
  ObjectHeat is = make_object(1, {kBlock, kBlock / 2}, kStep);
  EXPECT_TRUE(difference_of(map_of({was}), map_of({is})).objects[0].significant) << "both exact";
  was.relative_error = is.relative_error = 0.05;
  const Difference sure = difference_of(map_of({was}), map_of({is}));
  EXPECT_NEAR(sure.objects[0].error, 0.05 * kBlock * std::hypot(2, 1.5), 1);
  EXPECT_TRUE(sure.objects[0].significant);
  was.relative_error = is.relative_error = 0.2;
  EXPECT_FALSE(difference_of(map_of({was}), map_of({is})).objects[0].significant);
  was.relative_error = is.relative_error = 0;
  is.source = "none";
  EXPECT_FALSE(difference_of(map_of({was}), map_of({is})).objects[0].significant) << "unknown";
}

TEST(Difference, NewAndGoneObjectsStandAlone) {
  const Difference difference = difference_of(map_of({make_object(1, {kBlock}, kStep)}),
                                              map_of({make_object(2, {3 * kBlock}, kStep)}));
  ASSERT_EQ(difference.objects.size(), 2u);
  EXPECT_FALSE(difference.objects[0].before.has_value()) << "the largest change comes first";
  EXPECT_DOUBLE_EQ(difference.objects[0].change(), 3 * kBlock);
  EXPECT_FALSE(difference.objects[1].after.has_value());
  EXPECT_DOUBLE_EQ(difference.objects[1].change(), -kBlock);
}

TEST(Difference, NearSizeIsTheSameObjectUnlessAnExactOneIsThere) {
  const std::vector<double> eight(8, kBlock);
  const std::vector<double> nine(9, kBlock);
  const std::vector<double> twelve(12, kBlock);
  const Difference near =
      difference_of(map_of({make_object(1, eight, kStep)}), map_of({make_object(1, nine, kStep)}));
  EXPECT_EQ(near.objects.size(), 1u);
  const Difference exact =
      difference_of(map_of({make_object(1, nine, kStep), make_object(1, eight, kStep)}),
                    map_of({make_object(1, eight, kStep)}));
  ASSERT_EQ(exact.objects.size(), 2u);
  EXPECT_EQ(of_before(exact, 1).after, 0u);
  EXPECT_FALSE(of_before(exact, 0).after.has_value());
  const Difference far = difference_of(map_of({make_object(1, eight, kStep)}),
                                       map_of({make_object(1, twelve, kStep)}));
  EXPECT_EQ(far.objects.size(), 2u);
}

TEST(Difference, MovedBlocksAreToldByTheTiersNames) {
  ObjectHeat was = make_object(1, {kBlock, kBlock, kBlock, kBlock}, kStep);
  ObjectHeat is = was;
  was.block_tiers = {0, 0, 1, 1};
  is.block_tiers = {1, 1, 1, 0};
  HeatMap after = map_of({is});
  std::swap(after.tiers[0], after.tiers[1]);  // index 0 is "slow" there
  EXPECT_DOUBLE_EQ(difference_of(map_of({was}), after).objects[0].moved_share, 0.25);
}

}  // namespace
}  // namespace terrace::heat::difference_test
