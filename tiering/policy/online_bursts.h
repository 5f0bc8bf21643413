// SPDX-License-Identifier: Apache-2.0
// What becomes of blocks on a slower tier that are touched after a rest: is it a burst, or a stray
// touch? For each object, blocks are told apart by how long ago the oldest touch within kWindow
// steps was and how many of those steps had one; of each such state it learns how often its blocks
// were touched afterwards. Second part of the online policy, which acts on it at once, without
// waiting for its next look at all blocks.
//
// Each case is remembered with the block's count of touches, and looked up one step and kHorizon
// steps later, wherever the block lies by then: what policies with ghost entries do for blocks that
// they threw out (N. Megiddo and D. Modha, "ARC", FAST 2003), here with how often in place of
// whether. Evidence fades. Not thread-safe; allocates on construction and as cases come. O(1) for
// each touch.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "tiering/policy/machine.h"

namespace terrace::policy {

/// Means over the blocks that were in one state.
struct BurstOutlook {
  double cases = 0;    ///< that it rests on, older ones counted less
  double next = 0;     ///< touches in the next step
  double later = 0;    ///< touches in the next kHorizon steps
  double wasted = 0;   ///< touches that a block's fell short of the price by; 0 for those above it
  double in_vain = 0;  ///< share of the blocks that fell short
};

class OnlineBursts {
 public:
  static constexpr std::uint32_t kWindow = 8;
  static constexpr std::uint32_t kHorizon = 64;

  /// `price`: touches that a move to the fastest tier must bring to pay back.
  OnlineBursts(const Layout& layout, double price);

  void allocated(BlockId block);
  /// True when the block was not touched in each of the last kWindow steps: watch() it, if it lies
  /// on a slower tier.
  bool touched(BlockId block) {
    Block& state = blocks_[block];
    ++state.touches;
    const std::uint32_t gap = now_ - state.last;
    const bool again = gap == 0 && (state.recent & 1u) != 0;
    state.recent = ((gap < kWindow ? state.recent << gap : 0u) | 1u) & kAlways;
    state.last = now_;
    return !again && state.recent != kAlways;
  }
  void watch(BlockId block) { awake_.push_back(block); }
  /// Learns, and moves on to the next step.
  void step_ended();

  /// Blocks watched in this step, each once, in the order of their touches.
  const std::vector<BlockId>& awake() const { return awake_; }
  /// What is to be expected of a block that was touched in this step.
  BurstOutlook outlook(BlockId block) const;
  /// The same for when the block, idle now, will be touched for the first time again.
  BurstOutlook outlook_on_waking(BlockId block) const;

 private:
  static constexpr std::uint32_t kStates = kWindow * kWindow;
  static constexpr std::uint32_t kAlways = (1u << kWindow) - 1;
  struct Block {
    std::uint32_t last = 0;
    std::uint32_t touches = 0;
    std::uint32_t object = 0;
    std::uint32_t recent = kAlways;  // bit i: touched i steps before `last`
  };
  struct Case {
    BlockId block;
    std::uint32_t state;
    std::uint32_t touches;
  };
  // Sums over the cases of one state.
  struct Sums {
    double cases = 0;  // whose horizon is over
    double later = 0;
    double wasted = 0;
    double in_vain = 0;
    double cases_of_next = 0;
    double next = 0;
  };

  // A state's index among those of all objects.
  std::uint32_t state_of(const Block& block) const {
    const auto oldest = static_cast<std::uint32_t>(std::bit_width(block.recent)) - 1;
    const auto count = static_cast<std::uint32_t>(std::popcount(block.recent)) - 1;
    return block.object * kStates + oldest * kWindow + count;
  }
  std::vector<Case>& cases_of(std::uint32_t step) { return cases_[step % cases_.size()]; }
  BurstOutlook mean_of(const Sums& sums) const;
  void learn_next();
  void learn_later();
  void fade();

  double price_;
  std::uint32_t now_ = 0;
  std::vector<Block> blocks_;
  std::vector<BlockId> awake_;
  std::vector<Sums> sums_;                             // of each object's states
  std::array<std::vector<Case>, kHorizon + 1> cases_;  // of the last steps
};

}  // namespace terrace::policy
