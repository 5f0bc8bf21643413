// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/kernel_stripe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "allocators/extent/capacity.h"
#include "allocators/extent/stripe.h"
#include "tests/logged_seed.h"

namespace terrace::extent::kernel_stripe_test {
namespace {

using testing::ElementsAre;

std::uint32_t four_two_one(std::uint32_t node) {
  return node == 0 ? 4 : (node == 1 ? 2 : 1);
}
std::uint32_t unreadable(std::uint32_t) {
  return 0;
}
std::uint32_t hundred(std::uint32_t) {
  return 100;
}

/// Tiers of one node each, in the order of the tiers.
struct Nodes {
  os::NodeMask of_tier[kMaxTiers];
  explicit Nodes(const std::vector<std::uint32_t>& nodes) {
    for (std::size_t tier = 0; tier < nodes.size(); ++tier) of_tier[tier].add(nodes[tier]);
  }
};

std::vector<std::uint8_t> turns(const KernelOrder& order) {
  return {order.tier, order.tier + order.period};
}

std::vector<std::uint8_t> stripe(const std::vector<double>& shares, std::uint32_t blocks) {
  std::vector<std::uint8_t> out(blocks);
  stripe_blocks(shares.data(), static_cast<std::uint32_t>(shares.size()), out.data(), blocks);
  return out;
}

bool matches(const KernelOrder& order, const std::vector<std::uint8_t>& tiers,
             StripeOrigin origin = StripeOrigin::kPolicy) {
  return is_stripe_of(order, tiers.data(), static_cast<std::uint32_t>(tiers.size()), origin);
}

TEST(KernelOrder, GivesEachNodeItsWeightInARowByAscendingNode) {
  const Nodes nodes({2, 0, 1});  // tier 0 is node 2
  const KernelOrder order = kernel_order(nodes.of_tier, 0b111, &four_two_one);
  EXPECT_EQ(order.binding, os::Binding::kWeightedInterleave);
  EXPECT_THAT(turns(order), ElementsAre(1, 1, 1, 1, 2, 2, 0));
  EXPECT_EQ(order.tier_of(7 * 1000 + 6), 0);
}

TEST(KernelOrder, WithoutWeightsTakesNodesInTurn) {
  const Nodes nodes({0, 900, 3});
  const KernelOrder order = kernel_order(nodes.of_tier, 0b011, nullptr);
  EXPECT_EQ(order.binding, os::Binding::kInterleave);
  EXPECT_THAT(turns(order), ElementsAre(0, 1));
}

TEST(KernelOrder, CountsEveryNodeOfATier) {
  Nodes nodes({0, 2});
  nodes.of_tier[0].add(1);
  EXPECT_THAT(turns(kernel_order(nodes.of_tier, 0b11, &four_two_one)),
              ElementsAre(0, 0, 0, 0, 0, 0, 1));
}

TEST(KernelOrder, IsNoneWhereTheKernelCannotGiveOne) {
  const Nodes nodes({0, 1});
  EXPECT_EQ(kernel_order(nodes.of_tier, 0b01, nullptr).period, 0) << "one tier";
  EXPECT_EQ(kernel_order(nodes.of_tier, 0b111, nullptr).period, 0) << "a tier without nodes";
  EXPECT_EQ(kernel_order(nodes.of_tier, 0b11, &unreadable).period, 0) << "unknown weight";
  EXPECT_EQ(kernel_order(nodes.of_tier, 0b11, &hundred).period, 0) << "runs of 200 MiB";
  const Nodes same({0, 0});
  EXPECT_EQ(kernel_order(same.of_tier, 0b11, nullptr).period, 0) << "two tiers on one node";
}

TEST(IsStripeOf, KnowsItsOwnShares) {
  const Nodes nodes({0, 1, 2});
  const KernelOrder order = kernel_order(nodes.of_tier, 0b111, &four_two_one);
  for (std::uint32_t blocks : {28u, 64u, 65u, 1000u}) {
    EXPECT_TRUE(matches(order, stripe({4, 2, 1}, blocks))) << blocks;
    EXPECT_FALSE(matches(order, stripe({1, 1, 1}, blocks))) << blocks;
    EXPECT_FALSE(matches(order, stripe({4, 1, 2}, blocks))) << blocks;
  }
  EXPECT_TRUE(matches(order, stripe({4, 2, 1}, 1000), StripeOrigin::kPlan));
  EXPECT_FALSE(matches(order, stripe({4, 2, 1}, 27))) << "less than four periods";
}

TEST(IsStripeOf, AllowsOneBlockIn64AndNoMore) {
  const Nodes nodes({0, 1});
  const KernelOrder order = kernel_order(nodes.of_tier, 0b11, nullptr);
  EXPECT_TRUE(matches(order, stripe({0.515, 0.485}, 6400)));
  EXPECT_FALSE(matches(order, stripe({0.517, 0.483}, 6400)));
  EXPECT_TRUE(matches(order, stripe({1, 1}, 9))) << "5 and 4";
  EXPECT_FALSE(matches(order, stripe({3, 1}, 8))) << "6 and 2";
  EXPECT_FALSE(matches(order, stripe({1, 1, 0.001}, 4096))) << "a tier that has no turn";
}

TEST(IsStripeOf, LeavesAPlansHeatAlone) {
  const Nodes nodes({0, 1});
  const KernelOrder order = kernel_order(nodes.of_tier, 0b11, nullptr);
  std::vector<std::uint8_t> halves(256, 0);
  std::fill(halves.begin() + 128, halves.end(), std::uint8_t{1});
  EXPECT_FALSE(matches(order, halves, StripeOrigin::kPlan)) << "hot first half";
  EXPECT_FALSE(matches(order, stripe({1, 1}, 32), StripeOrigin::kPlan)) << "too short to tell";
  std::mt19937 random(testing_support::logged_seed());
  std::vector<std::uint8_t> by_heat(4096);
  for (std::uint32_t i = 0; i < by_heat.size(); ++i) by_heat[i] = i % 2;
  std::shuffle(by_heat.begin(), by_heat.end(), random);
  EXPECT_FALSE(matches(order, by_heat, StripeOrigin::kPlan)) << "equal shares, but scattered";
}

}  // namespace
}  // namespace terrace::extent::kernel_stripe_test
