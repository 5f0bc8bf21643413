// SPDX-License-Identifier: Apache-2.0
// How long a window is. A window shows that a block was touched, not how often, so it must be
// shorter than a step: then a touch is one pass. Without knowing the step, the share of ever
// touched blocks that a window sees tells: near 1 means longer than a step, near 0 wasteful.
// The length is steered so that a window sees between 0.15 and 0.45 of them.
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
    const double share = static_cast<double>(touched) / static_cast<double>(ever);
    if (share > kMost && length_ > kShortest) {
      length_ = Nanoseconds(length_.value * 3 / 5);
    } else if (share < kLeast && touched > 0 && length_ < kLongest) {
      length_ = Nanoseconds(length_.value * 5 / 4);
    }
    return share <= kUsable || length_ <= kShortest;
  }

 private:
  static constexpr double kLeast = 0.15;
  static constexpr double kMost = 0.45;
  static constexpr double kUsable = 0.7;
  static constexpr Nanoseconds kShortest = milliseconds(1);
  static constexpr Nanoseconds kLongest = milliseconds(100);

  Nanoseconds length_ = milliseconds(16);
};

}  // namespace terrace::sources
