// SPDX-License-Identifier: Apache-2.0
// The pairs in which windows come (seen_block.h says why), and what all blocks together say of
// them: how often two windows saw the same block, by which passes were lost and how long windows
// may be.
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

  /// Blocks that a window saw.
  struct Seen {
    std::uint64_t touched = 0;
    std::uint64_t before = 0;  ///< the first window of the pair before did, too; of a second
                               ///< window, the first one of its pair
    constexpr Seen& operator+=(const Seen& other) {
      touched += other.touched;
      before += other.before;
      return *this;
    }
  };

  /// A first window that counts, of `ever` blocks that any saw: `all` that it saw, and those of
  /// them that are not in constant use. A scan of which it saw nearly half comes back within the
  /// next, where passes need not have been lost: then there is no second.
  void first_counted(const Seen& all, const Seen& varied, std::uint64_t ever) {
    for (Tally* const tally : {&unwritten_, &unsteered_}) {
      tally->all.first(all);
      tally->varied.first(varied);
      ++tally->firsts;
    }
    in_first_ = all.touched;
    varied_in_first_ = varied.touched;
    second_due_ = static_cast<double>(all.touched) <= kMostOfAll * static_cast<double>(ever);
  }
  /// A second one that counts.
  void second_counted(const Seen& all, const Seen& varied) {
    for (Tally* const tally : {&unwritten_, &unsteered_}) {
      ++tally->pairs;
      tally->all.second(all, in_first_);
      tally->varied.second(varied, varied_in_first_);
    }
  }

  std::uint64_t pairs() const { return unwritten_.pairs; }
  /// Blocks that both windows of a pair saw.
  std::uint64_t repeats() const { return unwritten_.all.repeats; }
  /// Are repeats those of passes at random? Where most blocks are seen by window after window,
  /// windows are too long to tell.
  bool tell_losses() const { return !is_far_too_long(unwritten_.telling().chance()); }
  void counts_written() { unwritten_ = Tally(); }

  /// Was enough seen since the last take_chance() to say how long windows may be? Two windows apart
  /// of a scan see as much by chance, so that takes some; that they are far too long, the two of a
  /// pair tell soon.
  bool tell_length() const {
    const Counts& seen = unsteered_.telling();
    return unsteered_.firsts >= kFirstsToSteer ||
           (seen.in_firsts >= kTouchesToCut && share(seen.repeats, seen.in_firsts) > kFarTooMuch);
  }
  /// Do windows of this chance say little of rates?
  static constexpr bool is_far_too_long(double chance) { return chance > kMostChance; }
  /// The chance that a window sees the block of an average touch; 0: too few touches to say.
  double take_chance() {
    const double chance = unsteered_.telling().chance();
    unsteered_ = Tally();
    return chance;
  }

 private:
  static constexpr double kMostOfAll = 0.45;
  static constexpr double kMostChance = 0.5;
  static constexpr std::uint64_t kFewest = 20;
  static constexpr std::uint64_t kFirstsToSteer = 6;
  static constexpr std::uint64_t kTouchesToCut = 40;
  static constexpr double kFarTooMuch = 0.4;

  static constexpr double share(std::uint64_t seen, std::uint64_t touched) {
    return touched >= kFewest ? static_cast<double>(seen) / static_cast<double>(touched) : 0;
  }

  /// Blocks, over windows that counted.
  struct Counts {
    std::uint64_t touched = 0;    ///< that first windows saw
    std::uint64_t again = 0;      ///< and the first one before them did, too
    std::uint64_t in_firsts = 0;  ///< that the first windows of whole pairs saw
    std::uint64_t repeats = 0;    ///< and the second ones too

    void first(const Seen& seen) {
      touched += seen.touched;
      again += seen.before;
    }
    void second(const Seen& seen, std::uint64_t in_first) {
      in_firsts += in_first;
      repeats += seen.before;
    }
    /// As windows one pair apart tell, and the two of a pair, whichever is more: where a program
    /// moves on, windows apart say too little, and where it scans, those that follow on each other.
    double chance() const {
      const double apart = share(again, touched);
      const double together = share(repeats, in_firsts);
      return apart > together ? apart : together;
    }
  };

  struct Tally {
    std::uint64_t firsts = 0;
    std::uint64_t pairs = 0;  ///< that are whole
    Counts all;
    Counts varied;  ///< of blocks that are not in constant use

    /// A few blocks that each window sees, however short it is, would make all windows too short
    /// for the others to be seen. Where most are seen by each, it is the windows that are too long.
    const Counts& telling() const { return varied.touched * 5 >= all.touched * 2 ? varied : all; }
  };

  std::uint64_t in_first_ = 0;         ///< of the last pair: blocks that its first window saw
  std::uint64_t varied_in_first_ = 0;  ///< of these, those that are not in constant use
  Tally unwritten_;                    ///< since counts were written
  Tally unsteered_;                    ///< since the length was told
  bool second_ = false;
  bool second_due_ = false;
};

}  // namespace terrace::sources
