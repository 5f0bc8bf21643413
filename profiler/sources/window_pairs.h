// SPDX-License-Identifier: Apache-2.0
// The pairs in which windows come (seen_block.h says why), and what all blocks together say of
// them since counts were written last: how often two windows saw the same block.
// Pure logic, resident.
#pragma once

#include <cstdint>

namespace terrace::sources {

class WindowPairs {
 public:
  constexpr WindowPairs() = default;

  /// A window begins. False: it is the first of a pair, or by itself.
  bool begin() {
    second_ = second_due_;
    second_due_ = false;
    return second_;
  }
  bool in_second() const { return second_; }
  bool second_due() const { return second_due_; }

  /// A first window that counts: it saw `touched` blocks of the `ever` that any saw, and `again` of
  /// them were seen by the first window before. A scan of which it saw nearly half comes back
  /// within the next, where passes need not have been lost: then there is no second.
  void first_counted(std::uint64_t touched, std::uint64_t ever, std::uint64_t again) {
    touched_ += touched;
    again_ += again;
    in_first_ = touched;
    second_due_ = static_cast<double>(touched) <= kMostOfAll * static_cast<double>(ever);
  }
  /// A second one that counts, and how many blocks both saw.
  void second_counted(std::uint64_t repeats) {
    ++pairs_;
    repeats_ += repeats;
    in_firsts_ += in_first_;
  }

  std::uint64_t pairs() const { return pairs_; }
  std::uint64_t repeats() const { return repeats_; }
  /// The chance that a window sees the block of an average touch; 0: too few touches to say. As
  /// windows one pair apart tell, and the two of a pair, whichever is more: where a program moves
  /// on, windows apart say too little, and where it scans, those that follow on each other.
  double chance() const {
    const double apart = share(again_, touched_);
    const double together = share(repeats_, in_firsts_);
    return apart > together ? apart : together;
  }
  /// Are repeats those of passes at random? Where most blocks are seen by window after window,
  /// windows are too long to tell.
  bool tell_losses() const { return chance() <= kMostChance; }
  void counts_written() { touched_ = again_ = pairs_ = repeats_ = in_firsts_ = 0; }

 private:
  static constexpr double kMostOfAll = 0.45;
  static constexpr double kMostChance = 0.5;
  static constexpr std::uint64_t kFewest = 20;

  static double share(std::uint64_t seen, std::uint64_t touched) {
    return touched >= kFewest ? static_cast<double>(seen) / static_cast<double>(touched) : 0;
  }

  std::uint64_t in_first_ = 0;   ///< of the last pair: blocks that its first window saw
  std::uint64_t in_firsts_ = 0;  ///< of all pairs that are whole
  std::uint64_t touched_ = 0;
  std::uint64_t again_ = 0;
  std::uint64_t pairs_ = 0;
  std::uint64_t repeats_ = 0;
  bool second_ = false;
  bool second_due_ = false;
};

}  // namespace terrace::sources
