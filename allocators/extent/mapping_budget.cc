// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/mapping_budget.h"

namespace terrace::extent {
namespace {

constexpr std::uint32_t kTierValues = 256;  ///< any byte, kNoTier among them

std::uint32_t count_tiers(const std::uint8_t* tiers, std::uint32_t blocks) {
  bool seen[kTierValues] = {};
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    if (!seen[tiers[i]]) ++count;
    seen[tiers[i]] = true;
  }
  return count;
}

enum class Order : std::uint8_t { kAscending, kDescending };

void order_by_tier(std::uint8_t* tiers, std::uint32_t blocks, Order order) {
  std::uint32_t count[kTierValues] = {};
  for (std::uint32_t i = 0; i < blocks; ++i) ++count[tiers[i]];
  std::uint32_t at = 0;
  for (std::uint32_t turn = 0; turn < kTierValues; ++turn) {
    const std::uint32_t tier = order == Order::kAscending ? turn : kTierValues - 1 - turn;
    for (std::uint32_t i = 0; i < count[tier]; ++i) tiers[at++] = static_cast<std::uint8_t>(tier);
  }
}

}  // namespace

std::uint32_t count_runs(const std::uint8_t* tiers, std::uint32_t blocks) {
  std::uint32_t runs = blocks != 0 ? 1 : 0;
  for (std::uint32_t i = 1; i < blocks; ++i) runs += tiers[i] != tiers[i - 1] ? 1 : 0;
  return runs;
}

void coarsen(std::uint8_t* tiers, std::uint32_t blocks, std::uint32_t runs) {
  if (count_runs(tiers, blocks) <= runs) return;
  const std::uint32_t tier_count = count_tiers(tiers, blocks);
  std::uint64_t chunks = runs > tier_count ? (runs - 1) / (tier_count - 1) : 1;
  if (chunks > blocks) chunks = blocks;
  for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
    const auto begin = static_cast<std::uint32_t>(blocks * chunk / chunks);
    const auto end = static_cast<std::uint32_t>(blocks * (chunk + 1) / chunks);
    order_by_tier(tiers + begin, end - begin,
                  chunk % 2 == 0 ? Order::kAscending : Order::kDescending);
  }
}

std::uint32_t MappingBudget::for_one_object() const {
  const std::uint32_t quarter = left() / 4;
  if (quarter >= kMaxTiers) return quarter;
  return left() < kMaxTiers ? left() : kMaxTiers;
}

bool MappingBudget::take(std::uint32_t mappings) {
  if (mappings > left()) return false;
  used_ += mappings;
  return true;
}

}  // namespace terrace::extent
