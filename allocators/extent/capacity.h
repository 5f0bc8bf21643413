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

class Capacity {
 public:
  constexpr Capacity() = default;
  /// Tiers are numbered in the order of calls, fastest first.
  void add_tier(Bytes capacity);

  /// Takes one block of `wanted`, or of the tier that the rule gives. The tier's index, or
  /// kMaxTiers when all are full.
  std::uint32_t take_block(std::uint32_t wanted);
  void give_back(std::uint32_t tier) { used_[tier].fetch_sub(1, std::memory_order_relaxed); }

  std::uint32_t tier_count() const { return tier_count_; }
  std::uint64_t used_blocks(std::uint32_t tier) const {
    return used_[tier].load(std::memory_order_relaxed);
  }
  std::uint64_t free_blocks(std::uint32_t tier) const { return limit_[tier] - used_blocks(tier); }
  /// Blocks that went elsewhere than wanted.
  std::uint64_t spilled_blocks() const { return spilled_.load(std::memory_order_relaxed); }

 private:
  bool try_take(std::uint32_t tier);

  std::uint32_t tier_count_ = 0;
  std::uint64_t limit_[kMaxTiers] = {};
  std::atomic<std::uint64_t> used_[kMaxTiers] = {};
  std::atomic<std::uint64_t> spilled_{0};
};

}  // namespace terrace::extent
