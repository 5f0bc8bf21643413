// SPDX-License-Identifier: Apache-2.0
// Whole free blocks of each tier while a placement is worked out, so that no placement can exceed
// a capacity. Used by rounding.h and baselines.h. Not thread-safe; allocates on construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace terrace::plan {

class TierRoom {
 public:
  explicit TierRoom(std::vector<std::uint64_t> free_blocks) : free_(std::move(free_blocks)) {}

  std::size_t tiers() const { return free_.size(); }
  bool has(std::size_t tier) const { return free_[tier] > 0; }
  const std::vector<std::uint64_t>& free_blocks() const { return free_; }

  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (std::uint64_t blocks : free_) sum += blocks;
    return sum;
  }

  /// Takes a block of `wanted`, or of the next slower tier with room, or else of the nearest faster
  /// one. At least one block must be free.
  std::uint8_t take(std::size_t wanted) {
    std::size_t tier = wanted;
    while (tier < free_.size() && free_[tier] == 0) ++tier;
    if (tier == free_.size()) {
      tier = wanted;
      while (free_[tier] == 0) --tier;
    }
    --free_[tier];
    return static_cast<std::uint8_t>(tier);
  }

  /// Takes up to `blocks` from the fastest tiers, for memory that nobody plans.
  void reserve(std::uint64_t blocks) {
    for (std::uint64_t& free : free_) {
      const std::uint64_t taken = blocks < free ? blocks : free;
      free -= taken;
      blocks -= taken;
    }
  }

 private:
  std::vector<std::uint64_t> free_;
};

}  // namespace terrace::plan
