// SPDX-License-Identifier: Apache-2.0
// Coarsening over random maps: shares kept exactly, never more runs than asked for, and no prefix
// further from what was wanted than the stated bound.
#include "allocators/extent/mapping_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <vector>

#include "allocators/extent/stripe.h"
#include "tests/logged_seed.h"

namespace terrace::extent {
namespace {

using Map = std::vector<std::uint8_t>;
using Count = std::array<std::uint32_t, 256>;

std::uint32_t below(std::mt19937& random, std::uint32_t end) {
  return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random);
}

std::uint32_t size_of(const Map& map) {
  return static_cast<std::uint32_t>(map.size());
}

Count count(const Map& map) {
  Count counts{};
  for (const std::uint8_t tier : map) ++counts[tier];
  return counts;
}

/// Furthest that a tier's blocks in any prefix are from the same prefix of the other map.
std::uint32_t worst_shift(const Map& was, const Map& is) {
  std::array<long, 256> ahead{};
  long worst = 0;
  for (std::size_t i = 0; i < was.size(); ++i) {
    --ahead[was[i]];
    ++ahead[is[i]];
    worst = std::max({worst, std::labs(ahead[was[i]]), std::labs(ahead[is[i]])});
  }
  return static_cast<std::uint32_t>(worst);
}

Map random_map(std::mt19937& random) {
  const std::uint32_t blocks = 1 + below(random, 3000);
  const std::uint32_t tiers = 1 + below(random, 6);
  Map map(blocks);
  if (below(random, 2) == 0) {
    std::vector<double> shares(tiers);
    for (double& share : shares) share = 0.05 + static_cast<double>(below(random, 100)) / 100;
    stripe_blocks(shares.data(), tiers, map.data(), blocks);
  } else {
    for (std::uint8_t& tier : map) tier = static_cast<std::uint8_t>(below(random, tiers));
  }
  return map;
}

/// What the header promises.
void check(const Map& was, std::uint32_t runs) {
  Map is = was;
  coarsen(is.data(), size_of(is), runs);
  ASSERT_EQ(count(is), count(was)) << "shares are kept exactly";
  const auto tiers =
      static_cast<std::uint32_t>(std::set<std::uint8_t>(was.begin(), was.end()).size());
  ASSERT_LE(count_runs(is.data(), size_of(is)), std::max(runs, tiers));
  if (count_runs(was.data(), size_of(was)) <= runs) {
    ASSERT_EQ(is, was) << "what fits is left alone";
    return;
  }
  const std::uint32_t chunks = std::max(1u, tiers > 1 ? (runs - 1) / (tiers - 1) : 1);
  const std::uint32_t longest = (size_of(was) + chunks - 1) / chunks;
  ASSERT_LE(worst_shift(was, is), (longest + 1) / 2) << chunks << " chunks of " << longest;
}

TEST(Coarsen, KeepsSharesRunsAndEvennessOverRandomMaps) {
  std::mt19937 random(testing_support::logged_seed());
  for (int round = 0; round < 3000; ++round) {
    SCOPED_TRACE(round);
    const Map map = random_map(random);
    check(map, 1 + below(random, size_of(map) + 4));
    if (HasFatalFailure()) return;
  }
}

TEST(Coarsen, EveryBudgetOfASmallMapHolds) {
  std::mt19937 random(testing_support::logged_seed());
  for (int round = 0; round < 200; ++round) {
    Map map(1 + below(random, 40));
    for (std::uint8_t& tier : map) tier = static_cast<std::uint8_t>(below(random, 4));
    for (std::uint32_t runs = 1; runs <= size_of(map) + 1; ++runs) {
      check(map, runs);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Coarsen, HundredAndTwentyEightGibInAlternateBlocksFitAQuarterOfTheBudget) {
  Map map(65536);
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = i % 2;
  MappingBudget budget;
  budget.set_limit(65530);
  const std::uint32_t runs = budget.for_one_object();
  EXPECT_EQ(runs, 65530u / 2 / 4);
  Map is = map;
  coarsen(is.data(), size_of(is), runs);
  EXPECT_LE(count_runs(is.data(), size_of(is)), runs);
  EXPECT_EQ(count(is), count(map));
  EXPECT_LE(worst_shift(map, is), 3u) << "chunks of 9 blocks: 18 MiB";
}

TEST(MappingBudget, NeverRunsOutForTheObjectsThatFollow) {
  MappingBudget budget;
  budget.set_limit(65530);
  std::uint32_t objects = 0;
  while (budget.left() >= kMaxTiers) {
    ASSERT_GE(budget.for_one_object(), kMaxTiers);
    ASSERT_TRUE(budget.take(budget.for_one_object()));
    ++objects;
  }
  EXPECT_GT(objects, 20u) << "each greedy object leaves three quarters";
  EXPECT_LE(budget.used(), 65530u / 2);
  EXPECT_FALSE(budget.take(budget.left() + 1));
  budget.give_back(100);
  EXPECT_TRUE(budget.take(100));
}

TEST(MappingBudget, SmallLimitsLeaveSomethingToTheProgram) {
  MappingBudget budget;
  budget.set_limit(40);
  EXPECT_EQ(budget.for_one_object(), kMaxTiers);
  EXPECT_TRUE(budget.take(20));
  EXPECT_EQ(budget.left(), 0u);
  EXPECT_EQ(budget.for_one_object(), 0u);
  EXPECT_FALSE(budget.take(1));
}

}  // namespace
}  // namespace terrace::extent
