// SPDX-License-Identifier: Apache-2.0
// How long a window is. A window shows that a block was touched, not how often, so it must be
// shorter than a step: then a touch is one pass. Without knowing the step, the share of ever
// touched blocks that a window sees tells: near 1 means longer than a step, near 0 wasteful.
// The length is steered so that a window sees between 0.25 and 0.45 of them, since what a window
// costs hardly depends on what it sees; and where some blocks
// are passed far more often than others, down to where the block of an average touch is seen by one
// window in four, since two passes in one window are one touch. Pairs of windows tell what is lost
// that way (seen_block.h), the worse the longer they are; shorter ones see less for the same cost.
// The first are short: one that is too long weighs as much as many that are not.
// Pure logic, resident.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::sources {

class WindowLength {
 public:
  constexpr WindowLength() = default;
  Nanoseconds length() const { return length_; }
  /// After a window: blocks touched in it, and blocks touched in any window so far. True when the
  /// window was short enough to count.
  bool adapt(std::uint64_t touched, std::uint64_t ever) {
    if (ever == 0) return true;
    const double share = share_of(touched, ever);
    if (share > kMost && length_ > kShortest) {
      // One that saw nearly everything may be too long by any factor.
      length_ = Nanoseconds(share > kNearlyAll ? length_.value / 3 : length_.value * 3 / 5);
    } else if (share < kLeast && touched > 0 && length_ < ceiling_) {
      // Far from it: a program of steps that are long.
      const Nanoseconds longer(share < kLeast / 5 ? length_.value * 2 : length_.value * 5 / 4);
      length_ = longer < ceiling_ ? longer : ceiling_;
    }
    return is_short_enough(touched, ever);
  }
  /// Does a window that saw this count?
  bool is_short_enough(std::uint64_t touched, std::uint64_t ever) const {
    return ever == 0 || share_of(touched, ever) <= kUsable || length_ <= kShortest;
  }

  /// After some windows: the chance that the block of an average touch is touched in a window, that
  /// is, sum of p^2 over sum of p; 0: unknown.
  void saturated(double chance) {
    if (!(chance > 0)) return;
    double scale = kWantedChance / chance;
    if (scale < 0.25) scale = 0.25;
    if (scale > 1.5) scale = 1.5;
    const auto wanted = static_cast<std::uint64_t>(static_cast<double>(length_.value) * scale);
    ceiling_ = Nanoseconds(wanted);
    if (ceiling_ < kShortest) ceiling_ = kShortest;
    if (ceiling_ > kLongest) ceiling_ = kLongest;
    if (length_ > ceiling_) length_ = ceiling_;
  }

 private:
  static double share_of(std::uint64_t touched, std::uint64_t ever) {
    return static_cast<double>(touched) / static_cast<double>(ever);
  }

  static constexpr double kLeast = 0.25;
  static constexpr double kMost = 0.45;
  static constexpr double kUsable = 0.7;
  static constexpr double kNearlyAll = 0.9;
  static constexpr double kWantedChance = 0.25;
  static constexpr Nanoseconds kShortest = milliseconds(1);
  static constexpr Nanoseconds kLongest = milliseconds(100);

  Nanoseconds length_ = milliseconds(8);
  Nanoseconds ceiling_ = kLongest;
};

}  // namespace terrace::sources
