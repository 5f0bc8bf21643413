// SPDX-License-Identifier: Apache-2.0
// Which candidate is worth least, by expected reuse and by what a reuse saves.
#include "tiering/policy/kv/ranked_candidates.h"

#include <gtest/gtest.h>

#include "allocators/kv/eviction_policy.h"

namespace terrace::policy::ranked_candidates_test {
namespace {

constexpr std::uint32_t kMembers = 8;

TEST(RankedCandidates, WithAFlatCostTheLeastExpectedGoesFirstAndOfEqualOnesTheOldest) {
  const ReuseModel model;
  RankedCandidates candidates(kMembers, {});
  candidates.rank(model);
  EXPECT_EQ(candidates.least(model).member, RankedCandidates::kNone);
  EXPECT_EQ(candidates.band_of(1), candidates.band_of(1000)) << "there is one band";
  candidates.insert(1, 0, 0);
  candidates.insert(2, 12, 0);
  candidates.insert(3, 12, 0);
  ASSERT_LT(model.worth(12), model.worth(0)) << "an older age, before anything was seen";
  EXPECT_EQ(candidates.least(model).member, 2u);
  candidates.erase(2, 12, 0);
  EXPECT_EQ(candidates.least(model).member, 3u);
  candidates.erase(3, 12, 0);
  EXPECT_EQ(candidates.least(model).member, 1u);
}

TEST(RankedCandidates, WhatCostsMoreToComputeAgainStaysLonger) {
  const ReuseModel model;
  RankedCandidates candidates(kMembers, {.growth = 0.1});
  candidates.rank(model);
  const std::uint32_t old = 2;
  const std::uint32_t cheap = candidates.band_of(1);
  const std::uint32_t dear = candidates.band_of(1000);
  ASSERT_GT(candidates.worth(model, old, dear), candidates.worth(model, 0, cheap));
  candidates.insert(1, old, dear);
  candidates.insert(2, 0, cheap);
  EXPECT_EQ(candidates.least(model).member, 2u);
  candidates.rank(model);
  EXPECT_EQ(candidates.least(model).member, 2u) << "ranking again loses nobody";
  EXPECT_NEAR(candidates.worth(model, 0, candidates.band_of(40)) / candidates.worth(model, 0, 0),
              40, 40 * 0.12);
}

TEST(RankedCandidates, TheDeepestBlockOfAnyModelHasABand) {
  for (const double growth : {0.0, 1e-6, 0.02, 5.0, 1e9}) {
    const RecomputeCost cost{growth};
    RankedCandidates candidates(kMembers, cost);
    candidates.insert(1, 0, candidates.band_of(cost.of(kv::kMostKvBlocks)));
    candidates.insert(2, 0, candidates.band_of(cost.of(0)));
    const ReuseModel model;
    candidates.rank(model);
    EXPECT_EQ(candidates.least(model).member, growth > 1e-3 ? 2u : 1u) << growth;
  }
}

}  // namespace
}  // namespace terrace::policy::ranked_candidates_test
