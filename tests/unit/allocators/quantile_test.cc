// SPDX-License-Identifier: Apache-2.0
#include "allocators/base/quantile.h"

#include <gtest/gtest.h>

namespace terrace::quantile_test {
namespace {

TEST(Quantile, OfOddCountsTheMedianIsTheMiddleOne) {
  EXPECT_EQ(quantile({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(quantile({7}, 0.5), 7);
}

TEST(Quantile, BetweenTwoValuesItIsLinear) {
  EXPECT_EQ(quantile({4, 1, 2, 3}, 0.5), 2.5);
  EXPECT_EQ(quantile({10, 0}, 0.25), 2.5);
  // As far from the least as the upper one is from the most.
  EXPECT_EQ(quantile({1, 2, 3, 4, 5, 6, 7}, 0.25), 2.5);
  EXPECT_EQ(quantile({1, 2, 3, 4, 5, 6, 7}, 0.75), 5.5);
}

TEST(Quantile, ItsEndsAreTheLeastAndTheMost) {
  EXPECT_EQ(quantile({5, 9, 1}, 0), 1);
  EXPECT_EQ(quantile({5, 9, 1}, 1), 9);
}

}  // namespace
}  // namespace terrace::quantile_test
