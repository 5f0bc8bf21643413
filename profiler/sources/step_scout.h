// SPDX-License-Identifier: Apache-2.0
// Which block a watch for the step looks at: of several, the one that is touched anew most often.
// Of a mixture's weights most blocks are experts', which a step of many touches, and a few windows
// cannot tell them from those that every step touches: the times between their touches would pass
// for steps. Pure logic over poll results; the recorder does the looking. Resident, one owner.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::sources {

class StepScout {
 public:
  static constexpr std::uint32_t kMost = 8;
  static constexpr Nanoseconds kPoll = milliseconds(2);
  static constexpr Nanoseconds kLongest = milliseconds(2000);

  constexpr StepScout() = default;
  void begin(Nanoseconds now) {
    *this = StepScout();
    begun_ = now;
    last_touch_ = now;
  }
  /// A block to choose from, kMost at most.
  void add(std::uint32_t block) { blocks_[count_++].block = block; }
  std::uint32_t count() const { return count_; }
  std::uint32_t block(std::uint32_t index) const { return blocks_[index].block; }

  /// Was it touched since the last poll?
  void poll(std::uint32_t index, bool touched, Nanoseconds now) {
    Candidate& one = blocks_[index];
    if (touched) last_touch_ = now;
    ++one.polls;
    one.touched_polls += touched ? 1 : 0;
    if (touched && !one.touched_before) ++one.touches;
    one.touched_before = touched;
  }
  /// Less often where nothing was touched for long.
  Nanoseconds next_poll(Nanoseconds now) const {
    constexpr std::uint64_t kPollParts = 16;  // of the time since the last touch
    const Nanoseconds part((now - last_touch_).value / kPollParts);
    return now + (part > kPoll ? part : kPoll);
  }
  bool finished(Nanoseconds now) const {
    if (count_ <= 1 || now - begun_ > kLongest) return true;
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (blocks_[i].told() >= kTouches) return true;
    }
    return false;
  }
  /// Was any touched at all?
  bool any_touched() const { return last_touch_ > begun_; }
  /// Was any touched again, and not all the time? Loading touches each once.
  bool found() const { return count_ == 1 || (count_ != 0 && best_one().told() >= kTouchedAgain); }
  /// Of blocks that were touched alike, the one that was added first. There must be one.
  std::uint32_t best() const { return best_one().block; }

 private:
  static constexpr std::uint32_t kTouches = 3;
  static constexpr std::uint32_t kTouchedAgain = 2;

  struct Candidate {
    std::uint32_t block = 0;
    std::uint32_t polls = 0;
    std::uint32_t touched_polls = 0;
    std::uint32_t touches = 0;  ///< a pass can straddle polls: only the first of adjacent ones
    bool touched_before = false;

    /// What is touched at most polls says nothing of steps.
    std::uint32_t told() const { return touched_polls * 2 > polls ? 0 : touches; }
  };

  const Candidate& best_one() const {
    const Candidate* best = blocks_;
    for (std::uint32_t i = 1; i < count_; ++i) {
      if (blocks_[i].told() > best->told()) best = blocks_ + i;
    }
    return *best;
  }

  Candidate blocks_[kMost];
  std::uint32_t count_ = 0;
  Nanoseconds begun_;
  Nanoseconds last_touch_;  ///< of any
};

}  // namespace terrace::sources
