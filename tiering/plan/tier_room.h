// SPDX-License-Identifier: Apache-2.0
// Whole free blocks of each tier while a placement is worked out, so that no placement can exceed
// a capacity, nor take the last room of a block that may lie nowhere else. Used by rounding.h and
// baselines.h. Not thread-safe; allocates on construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tiering/plan/constraints.h"

namespace terrace::plan {

/// Blocks that are still to be placed and may lie on the tiers of `allowed` only.
struct Demand {
  TierMask allowed = kAnyTier;
  std::uint64_t blocks = 0;
};

/// Blocks that remain for others on the tiers of `tiers` together, when all that may lie nowhere
/// else lie there. Negative: they do not fit.
struct Slack {
  TierMask tiers = 0;
  std::int64_t blocks = 0;
};

class TierRoom {
 public:
  explicit TierRoom(std::vector<std::uint64_t> free_blocks) : free_(std::move(free_blocks)) {}
  /// Keeps room for `restricted`. By Hall's theorem everything has a place if and only if no
  /// slack() is negative and the whole room suffices.
  TierRoom(std::vector<std::uint64_t> free_blocks, const std::vector<Demand>& restricted);

  std::size_t tiers() const { return free_.size(); }
  const std::vector<std::uint64_t>& free_blocks() const { return free_; }
  const std::vector<Slack>& slack() const { return slack_; }

  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (std::uint64_t blocks : free_) sum += blocks;
    return sum;
  }

  /// May a block of these tiers take one of `tier`, and everything restricted still has a place?
  bool has(std::size_t tier, TierMask allowed = kAnyTier) const {
    if (free_[tier] == 0 || !allows(allowed, tier)) return false;
    for (const Slack& slack : slack_) {
      if (uses_up(slack, tier, allowed) && slack.blocks <= 0) return false;
    }
    return true;
  }

  /// Takes a block of `wanted`, or of the next slower tier that has() room, or else of the nearest
  /// faster one. There must be one.
  std::uint8_t take(std::size_t wanted, TierMask allowed = kAnyTier) {
    std::size_t tier = wanted;
    while (tier < free_.size() && !has(tier, allowed)) ++tier;
    if (tier == free_.size()) {
      tier = wanted;
      while (!has(tier, allowed)) --tier;
    }
    --free_[tier];
    for (Slack& slack : slack_) {
      if (uses_up(slack, tier, allowed)) --slack.blocks;
    }
    return static_cast<std::uint8_t>(tier);
  }

  /// Takes up to `blocks` from the fastest tiers, for memory that nobody plans. Before the demand
  /// is stated.
  void reserve(std::uint64_t blocks) {
    for (std::uint64_t& free : free_) {
      const std::uint64_t taken = blocks < free ? blocks : free;
      free -= taken;
      blocks -= taken;
    }
  }

 private:
  // Room of the set that goes to a block which could have gone elsewhere.
  static bool uses_up(const Slack& slack, std::size_t tier, TierMask allowed) {
    return allows(slack.tiers, tier) && (allowed & ~slack.tiers) != 0;
  }

  std::vector<std::uint64_t> free_;
  std::vector<Slack> slack_;
};

}  // namespace terrace::plan
