// SPDX-License-Identifier: Apache-2.0
// No back-and-forth: which blocks rest, because they were moved lately. A block that was moved
// rests for kShortestRest steps, and twice as long, up to kLongestRest, each time that a move
// undoes its last one before that had paid back.
// Part of the online policy. Not thread-safe; allocates on construction. O(1) for each call.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tiering/policy/placement_table.h"

namespace terrace::policy {

class MoveHistory {
 public:
  static constexpr std::uint64_t kShortestRest = 4;  ///< steps
  static constexpr std::uint64_t kLongestRest = 16;  ///< steps

  /// `price`: touches that a move must bring to pay back.
  MoveHistory(std::uint32_t blocks, double price) : price_(price), blocks_(blocks) {}

  void forget(BlockId block) { blocks_[block] = {}; }
  bool resting(BlockId block, std::uint64_t step) const {
    return blocks_[block].rests_until > step;
  }
  /// The block has just been moved; `touches` of it were counted so far.
  void moved(BlockId block, std::uint8_t from, std::uint8_t to, std::uint64_t step,
             std::uint32_t touches) {
    Block& last = blocks_[block];
    const double since = touches - last.touches;
    if (last.came_from == to && !paid_back(since, to)) {
      last.rest = std::min(kLongestRest, last.rest * 2);
    }
    last.came_from = from;
    last.touches = touches;
    last.rests_until = step + last.rest;
  }

 private:
  struct Block {
    std::uint64_t rests_until = 0;
    std::uint64_t rest = kShortestRest;
    std::uint32_t touches = 0;
    std::uint8_t came_from = kNowhere;
  };

  // A promotion had paid back when the block was read often enough meanwhile; a demotion, when it
  // was read less than that.
  bool paid_back(double touches, std::uint8_t returns_to) const {
    const bool was_promoted = returns_to != 0;
    return was_promoted ? touches >= price_ : touches < price_;
  }

  double price_;
  std::vector<Block> blocks_;
};

}  // namespace terrace::policy
