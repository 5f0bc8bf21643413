// SPDX-License-Identifier: Apache-2.0
// How many blocks each tier holds for this process, and the rule for a full one: the next slower
// tier with room, then the next faster. Serialised by the runtime's lock; counters may be read
// without it. Never allocates.
#pragma once

#include <atomic>
#include <cstdint>

#include <terrace/units.h>

namespace terrace::extent {

inline constexpr std::uint32_t kMaxTiers = 16;

/// Some of the tiers, by index.
class TierSet {
 public:
  constexpr TierSet() = default;
  void add(std::uint32_t tier) { bits_ |= std::uint32_t{1} << tier; }
  bool has(std::uint32_t tier) const { return (bits_ >> tier & 1) != 0; }

 private:
  std::uint32_t bits_ = 0;
};

class Capacity {
 public:
  constexpr Capacity() = default;
  /// Tiers are numbered in the order of calls, fastest first.
  void add_tier(Bytes capacity);

  /// Takes one block of `wanted`, or of the tier that the rule gives. The tier's index, or
  /// kMaxTiers when all are full. Tiers in `without` count as full.
  std::uint32_t take_block(std::uint32_t wanted, TierSet without = TierSet());
  void give_back(std::uint32_t tier) { used_[tier].fetch_sub(1, std::memory_order_relaxed); }

  /// Nothing more is taken from this tier.
  void close_tier(std::uint32_t tier) { limit_[tier] = 0; }

  std::uint32_t tier_count() const { return tier_count_; }
  std::uint64_t used_blocks(std::uint32_t tier) const {
    return used_[tier].load(std::memory_order_relaxed);
  }
  std::uint64_t free_blocks(std::uint32_t tier) const {
    const std::uint64_t used = used_blocks(tier);
    return used < limit_[tier] ? limit_[tier] - used : 0;
  }
  /// Blocks that went elsewhere than wanted.
  std::uint64_t spilled_blocks() const { return spilled_.load(std::memory_order_relaxed); }

 private:
  bool try_take(std::uint32_t tier, TierSet without);

  std::uint32_t tier_count_ = 0;
  std::uint64_t limit_[kMaxTiers] = {};
  std::atomic<std::uint64_t> used_[kMaxTiers] = {};
  std::atomic<std::uint64_t> spilled_{0};
};

}  // namespace terrace::extent
