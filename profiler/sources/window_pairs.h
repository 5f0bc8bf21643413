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

  /// A first window that counts: it saw `touched` blocks of the `ever` that any saw, and `again` of
  /// them were seen by the first window before. A scan of which it saw nearly half comes back
  /// within the next, where passes need not have been lost: then there is no second.
  void first_counted(std::uint64_t touched, std::uint64_t ever, std::uint64_t again) {
    for (Tally* const tally : {&unwritten_, &unsteered_}) {
      tally->touched += touched;
      tally->again += again;
      ++tally->firsts;
    }
    in_first_ = touched;
    second_due_ = static_cast<double>(touched) <= kMostOfAll * static_cast<double>(ever);
  }
  /// A second one that counts, and how many blocks both saw.
  void second_counted(std::uint64_t repeats) {
    for (Tally* const tally : {&unwritten_, &unsteered_}) {
      ++tally->pairs;
      tally->repeats += repeats;
      tally->in_firsts += in_first_;
    }
  }

  std::uint64_t pairs() const { return unwritten_.pairs; }
  std::uint64_t repeats() const { return unwritten_.repeats; }
  /// Are repeats those of passes at random? Where most blocks are seen by window after window,
  /// windows are too long to tell.
  bool tell_losses() const { return !is_far_too_long(unwritten_.chance()); }
  void counts_written() { unwritten_ = Tally(); }

  /// Was enough seen since the last take_chance() to say how long windows may be? Two windows apart
  /// of a scan see as much by chance, so that takes some; that they are far too long, the two of a
  /// pair tell soon.
  bool tell_length() const {
    const Tally& seen = unsteered_;
    return seen.firsts >= kFirstsToSteer ||
           (seen.in_firsts >= kTouchesToCut && share(seen.repeats, seen.in_firsts) > kFarTooMuch);
  }
  /// Do windows of this chance say little of rates?
  static constexpr bool is_far_too_long(double chance) { return chance > kMostChance; }
  /// The chance that a window sees the block of an average touch; 0: too few touches to say.
  double take_chance() {
    const double chance = unsteered_.chance();
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

  /// Windows that counted.
  struct Tally {
    std::uint64_t firsts = 0;
    std::uint64_t touched = 0;    ///< blocks that those saw
    std::uint64_t again = 0;      ///< and the one before them did, too
    std::uint64_t pairs = 0;      ///< that are whole
    std::uint64_t in_firsts = 0;  ///< blocks that the first windows of those saw
    std::uint64_t repeats = 0;    ///< and the second ones too

    /// As windows one pair apart tell, and the two of a pair, whichever is more: where a program
    /// moves on, windows apart say too little, and where it scans, those that follow on each other.
    double chance() const {
      const double apart = share(again, touched);
      const double together = share(repeats, in_firsts);
      return apart > together ? apart : together;
    }
  };

  std::uint64_t in_first_ = 0;  ///< of the last pair: blocks that its first window saw
  Tally unwritten_;             ///< since counts were written
  Tally unsteered_;             ///< since the length was told
  bool second_ = false;
  bool second_due_ = false;
};

}  // namespace terrace::sources
