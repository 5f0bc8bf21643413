// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/answer.h"

#include <gtest/gtest.h>

#include "tests/unit/wall/wall_rig.h"

namespace terrace::wall::answer_test {
namespace {

using test::machine;
using test::plain_constants;
using test::small_model;

TEST(Answer, SpeedIsBytesOverBandwidthForEveryBatch) {
  const auto one = answer_for(plain_constants(), machine("m", 1000, 80), small_model(), 2000, 1);
  ASSERT_TRUE(one.ok());
  EXPECT_NEAR(one->tokens_per_second.value, 1000.0 / 10, 1e-6);
  const auto four = answer_for(plain_constants(), machine("m", 1000, 80), small_model(), 2000, 4);
  ASSERT_TRUE(four.ok());
  EXPECT_NEAR(four->tokens_per_second.value, 4 * 1000.0 / 16, 1e-6);
  EXPECT_LT(four->tokens_per_second.low, four->tokens_per_second.value);
  EXPECT_GT(four->tokens_per_second.high, four->tokens_per_second.value);
}

TEST(Answer, FirstTokenIsBoundByArithmetic) {
  const auto answer = answer_for(plain_constants(), machine("m", 1000, 80), small_model(), 2000, 1);
  ASSERT_TRUE(answer.ok());
  EXPECT_NEAR(answer->first_token_seconds.value, 2.0, 1e-9);
  EXPECT_EQ(answer->prompt.bound, Bound::kCompute);
}

TEST(Answer, WhatDoesNotFitIsAnAnswerWithItsSizes) {
  const auto answer = answer_for(plain_constants(), machine("m", 1000, 9), small_model(), 2000, 1);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->fits);
  EXPECT_DOUBLE_EQ(answer->needed_bytes, 10e9);
  EXPECT_DOUBLE_EQ(answer->capacity_bytes, 9e9);
}

TEST(Answer, EnergyAndCostNeedTheCataloguesFigures) {
  WallMachine priced = machine("m", 1000, 80);
  const auto unknown = answer_for(plain_constants(), priced, small_model(), 2000, 1);
  EXPECT_DOUBLE_EQ(unknown->joules_per_token, 0);
  EXPECT_DOUBLE_EQ(unknown->usd_per_million_tokens, 0);
  priced.power_watts = 500;
  priced.price_usd = 3 * 365.25 * 86400;
  const auto known = answer_for(plain_constants(), priced, small_model(), 2000, 1);
  EXPECT_NEAR(known->joules_per_token, 5, 1e-9);
  EXPECT_NEAR(known->usd_per_million_tokens, 1e6 / 100, 1e-6);
}

TEST(WhatFits, FindsTheLastContextAndBatchThatFitAndWhereKvOutgrowsWeights) {
  const auto fit = what_fits(machine("m", 1000, 20), small_model(), 3000, 2);
  ASSERT_TRUE(fit.ok());
  EXPECT_DOUBLE_EQ(fit->largest_context, 6000);
  EXPECT_DOUBLE_EQ(fit->largest_batch, 4);
  EXPECT_DOUBLE_EQ(fit->kv_as_large_as_weights, 4000);
}

TEST(WhatFits, NothingFitsWhereTheWeightsDoNot) {
  const auto fit = what_fits(machine("m", 1000, 4), small_model(), 1, 1);
  ASSERT_TRUE(fit.ok());
  EXPECT_DOUBLE_EQ(fit->largest_context, 0);
  EXPECT_DOUBLE_EQ(fit->largest_batch, 0);
}

TEST(SpeedOnOneTier, IgnoresCapacity) {
  const auto speed =
      speed_on_one_tier(plain_constants(), machine("m", 1000, 1), 0, small_model(), 2000, 1);
  ASSERT_TRUE(speed.ok());
  EXPECT_NEAR(*speed, 100, 1e-6);
}

}  // namespace
}  // namespace terrace::wall::answer_test
