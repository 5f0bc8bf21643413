// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/kernel_stripe.h"

#include "allocators/extent/capacity.h"

namespace terrace::extent {
namespace {

constexpr std::uint32_t kShortestPlanned = 64;  ///< blocks
constexpr std::uint64_t kOneIn = 64;

/// The only tier that has this node; kMaxTiers: several have.
std::uint32_t tier_with(const os::NodeMask* nodes_of_tier, std::uint32_t tier_bits,
                        std::uint32_t node) {
  std::uint32_t found = kMaxTiers;
  for (std::uint32_t tier = 0; tier < kMaxTiers; ++tier) {
    if ((tier_bits >> tier & 1) == 0 || !nodes_of_tier[tier].has(node)) continue;
    if (found != kMaxTiers) return kMaxTiers;
    found = tier;
  }
  return found;
}

/// Does `part` of the first `whole` blocks differ from turns / period of them by more than
/// `slack_blocks` blocks?
bool differs(const KernelOrder& order, std::uint8_t tier, std::uint64_t part, std::uint64_t whole,
             std::uint64_t slack_blocks) {
  const std::uint64_t is = part * order.period;
  const std::uint64_t wanted = order.turns_of(tier) * whole;
  return (is > wanted ? is - wanted : wanted - is) > slack_blocks * order.period;
}

bool is_even(const KernelOrder& order, const std::uint8_t* tiers, std::uint32_t blocks) {
  std::uint32_t count[kMaxTiers] = {};
  for (std::uint32_t i = 0; i < blocks; ++i) {
    ++count[tiers[i]];
    for (std::uint32_t turn = 0; turn < order.period; ++turn) {
      const std::uint8_t tier = order.tier[turn];
      if (differs(order, tier, count[tier], i + 1, 2 + (i + 1) / kOneIn)) return false;
    }
  }
  return true;
}

}  // namespace

std::uint32_t KernelOrder::turns_of(std::uint8_t wanted) const {
  std::uint32_t turns = 0;
  for (std::uint32_t i = 0; i < period; ++i) turns += tier[i] == wanted ? 1 : 0;
  return turns;
}

KernelOrder kernel_order(const os::NodeMask* nodes_of_tier, std::uint32_t tier_bits,
                         WeightOf weight_of) {
  KernelOrder order;
  if (weight_of != nullptr) order.binding = os::Binding::kWeightedInterleave;
  os::NodeMask all;
  for (std::uint32_t tier = 0; tier < kMaxTiers; ++tier) {
    if ((tier_bits >> tier & 1) != 0) all.add_all(nodes_of_tier[tier]);
  }
  std::uint32_t seen = 0;
  for (std::uint32_t node = 0; node < os::kMaxNodes; ++node) {
    if (!all.has(node)) continue;
    const std::uint32_t tier = tier_with(nodes_of_tier, tier_bits, node);
    const std::uint32_t weight = weight_of != nullptr ? weight_of(node) : 1;
    if (tier == kMaxTiers || weight == 0 || order.period + weight > kMaxPeriod) return {};
    for (std::uint32_t turn = 0; turn < weight; ++turn) {
      order.tier[order.period++] = static_cast<std::uint8_t>(tier);
    }
    seen |= 1u << tier;
  }
  const bool several = (seen & (seen - 1)) != 0;
  return seen == tier_bits && several ? order : KernelOrder{};
}

bool is_stripe_of(const KernelOrder& order, const std::uint8_t* tiers, std::uint32_t blocks,
                  StripeOrigin origin) {
  if (order.period == 0 || blocks < 4u * order.period) return false;
  if (origin == StripeOrigin::kPlan && blocks < kShortestPlanned) return false;
  std::uint32_t count[kMaxTiers] = {};
  for (std::uint32_t i = 0; i < blocks; ++i) {
    if (tiers[i] >= kMaxTiers) return false;
    ++count[tiers[i]];
  }
  const std::uint64_t slack = blocks > kOneIn ? blocks / kOneIn : 1;
  for (std::uint8_t tier = 0; tier < kMaxTiers; ++tier) {
    if (order.turns_of(tier) == 0 && count[tier] != 0) return false;
    if (differs(order, tier, count[tier], blocks, slack)) return false;
  }
  return origin == StripeOrigin::kPolicy || is_even(order, tiers, blocks);
}

}  // namespace terrace::extent
