// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/stripe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

#include "tests/logged_seed.h"

namespace terrace::extent::stripe_test {
namespace {

std::vector<std::uint8_t> stripe(const std::vector<double>& shares, std::uint64_t blocks) {
  std::vector<std::uint8_t> out(blocks);
  stripe_blocks(shares.data(), static_cast<std::uint32_t>(shares.size()), out.data(), blocks);
  return out;
}

/// Furthest that any prefix is from its share, in blocks.
double worst_deviation(const std::vector<double>& shares, const std::vector<std::uint8_t>& map) {
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<double> count(shares.size(), 0);
  double worst = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    count[map[i]] += 1;
    for (std::size_t tier = 0; tier < shares.size(); ++tier) {
      const double wanted = shares[tier] / sum * static_cast<double>(i + 1);
      worst = std::max(worst, std::abs(count[tier] - wanted));
    }
  }
  return worst;
}

TEST(StripeBlocks, EqualSharesAlternateFastestFirst) {
  EXPECT_EQ(stripe({1, 1}, 5), (std::vector<std::uint8_t>{0, 1, 0, 1, 0}));
}

TEST(StripeBlocks, OneTierTakesAll) {
  EXPECT_EQ(stripe({1, 0, 0}, 3), (std::vector<std::uint8_t>{0, 0, 0}));
  EXPECT_EQ(stripe({0, 0, 5}, 3), (std::vector<std::uint8_t>{2, 2, 2}));
}

TEST(StripeBlocks, SharesNeedNotSumToOne) {
  EXPECT_EQ(stripe({4, 1}, 40), stripe({0.8, 0.2}, 40));
  EXPECT_EQ(stripe({4e12, 1e12}, 40), stripe({0.8, 0.2}, 40));
}

TEST(StripeBlocks, FourToOnePutsOneInFiveEvenly) {
  const auto map = stripe({0.8, 0.2}, 1000);
  EXPECT_EQ(std::count(map.begin(), map.end(), 1), 200);
  for (std::size_t i = 0; i + 5 <= map.size(); ++i) {
    EXPECT_EQ(
        std::count(map.begin() + static_cast<long>(i), map.begin() + static_cast<long>(i) + 5, 1),
        1)
        << i;
  }
}

TEST(StripeBlocks, ZeroShareGetsNoBlock) {
  const auto map = stripe({0.5, 0, 0.5}, 999);
  EXPECT_EQ(std::count(map.begin(), map.end(), 1), 0);
}

TEST(StripeBlocks, ZeroBlocksWritesNothing) {
  std::uint8_t guard = 77;
  const double share = 1;
  stripe_blocks(&share, 1, &guard, 0);
  EXPECT_EQ(guard, 77);
}

TEST(StripeBlocks, TwoTiersKeepEveryPrefixWithinOneBlock) {
  for (int percent = 0; percent <= 100; ++percent) {
    const std::vector<double> shares{percent / 100.0, 1 - percent / 100.0};
    EXPECT_LE(worst_deviation(shares, stripe(shares, 2000)), 1.0 + 1e-6) << percent;
  }
}

TEST(StripeBlocks, RandomSharesKeepEveryPrefixNearTheirShare) {
  std::mt19937 random(testing_support::logged_seed());
  std::uniform_real_distribution<double> share(0, 1);
  double worst = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<double> shares(2 + random() % 15);
    for (double& one : shares) one = random() % 4 == 0 ? 0 : share(random);
    shares[0] += 0.01;
    const double deviation = worst_deviation(shares, stripe(shares, 700));
    worst = std::max(worst, deviation);
    // A tier is served when it is furthest behind. None gets a whole block ahead; with n tiers due
    // at the same time the last of them waits, and the harmonic sum of the turns bounds it.
    double bound = 0;
    for (std::size_t n = 1; n <= shares.size(); ++n) bound += 1 / static_cast<double>(n);
    EXPECT_LE(deviation, bound) << "round " << round;
  }
  std::printf("worst deviation %.3f blocks\n", worst);
}

}  // namespace
}  // namespace terrace::extent::stripe_test
