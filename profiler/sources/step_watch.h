// SPDX-License-Identifier: Apache-2.0
// Learns the time of a step: one block that every step touches is looked at every kPoll, or less
// often where it was not touched for long, and the times between touches are multiples of the step.
// Once a few of them are alike, most of the time to the next touch passes without a look, since
// each wakes a thread. Pure logic over poll results; the recorder does the looking. Resident.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::sources {

class StepWatch {
 public:
  static constexpr Nanoseconds kPoll = milliseconds(2);
  static constexpr Nanoseconds kLongest = milliseconds(3000);
  static constexpr std::uint32_t kWanted = 16;
  static constexpr std::uint32_t kWantedToConfirm = 8;
  static constexpr std::uint32_t kPollsToJudge = 128;

  constexpr StepWatch() = default;
  /// To be finished with `wanted` times between touches, kWanted at most.
  void begin(std::uint32_t block, std::uint32_t wanted, Nanoseconds now);
  std::uint32_t block() const { return block_; }
  Nanoseconds begun() const { return begun_; }
  /// Was the block touched since the last poll?
  void poll(bool touched, Nanoseconds now);
  /// When to poll next, after a poll at `now`.
  Nanoseconds next_poll(Nanoseconds now);
  /// A block that is touched again and again has no times between touches to wait for.
  bool finished(Nanoseconds now) const {
    return gap_count_ >= wanted_ || now - begun_ > kLongest ||
           (polls_ >= kPollsToJudge && is_too_fast());
  }
  /// Steps seen, and their mean period; 0 when fewer than four, or when touches come at more than
  /// half of the polls: steps of less than two polls would show with the beat of both, a multiple.
  std::uint32_t observations() const;
  Nanoseconds period() const;

 private:
  bool is_too_fast() const { return touched_polls_ * 2 > polls_; }
  std::uint64_t median_gap() const;
  bool gaps_are_alike() const;

  std::uint32_t block_ = 0;
  std::uint32_t wanted_ = kWanted;
  Nanoseconds begun_;
  Nanoseconds last_touch_;
  bool seen_ = false;
  bool touched_before_ = false;
  bool after_rest_ = false;  ///< the next poll is the first one after a time without
  std::uint32_t polls_ = 0;
  std::uint32_t touched_polls_ = 0;
  std::uint32_t gap_count_ = 0;
  std::uint64_t gaps_[kWanted] = {};
};

}  // namespace terrace::sources
