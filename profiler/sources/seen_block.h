// SPDX-License-Identifier: Apache-2.0
// What windows saw of one block, and the passes that they lost: a block that is passed twice in a
// window shows once. Windows come in pairs, the second right behind the first, since passes at
// random come twice in a window as often as they come in both of two windows, once the two are
// counted together: a rate of r loses (r w)^2 / 2 in each of two windows of length w and is seen in
// both with (r w)^2. So a block that both saw counts once more. A scan that comes back after more
// than two windows is never seen in both, and nothing is added to it: what is random need not be
// known beforehand.
// The square is the first term of a series; the next ones follow from how often the block is seen.
// Pure logic, resident; one of these for each block of the arena.
#pragma once

#include <cstdint>

namespace terrace::sources {

class SeenBlock {
 public:
  constexpr SeenBlock() = default;

  /// Has any window seen it, whether it counted or not?
  bool ever() const { return (flags_ & kEver) != 0; }
  void saw() { flags_ |= kEver; }
  /// Had it page-table entries before the window dropped them?
  bool was_mapped() const { return (flags_ & kMapped) != 0; }
  void set_mapped(bool mapped) {
    flags_ = static_cast<std::uint8_t>(mapped ? flags_ | kMapped : flags_ & ~kMapped);
  }
  /// Did the last window that counts, by itself or the first of a pair, see it?
  bool in_last() const { return (flags_ & kInFirst) != 0; }
  /// Of a window that counts, by itself or the first of a pair. True: this one saw it and the first
  /// of the pair before did.
  bool first_window(bool seen) {
    const bool again = seen && (flags_ & kInFirst) != 0;
    flags_ = static_cast<std::uint8_t>((flags_ & (kEver | kMapped)) | (seen ? kInFirst : 0));
    return again;
  }
  /// Of the second of a pair. True: both saw it.
  bool second_window(bool seen) {
    if (!seen || (flags_ & kInFirst) == 0) return false;
    if (repeats_ != UINT16_MAX) ++repeats_;
    return true;
  }
  /// Passes that were lost in the windows since the last call, of which `seen` of `windows` saw the
  /// block. What is left of a whole one is kept for the next call.
  std::uint32_t take_lost(std::uint32_t seen, std::uint64_t windows) {
    if (repeats_ == 0) return 0;
    const double lost = repeats_ * lost_for_repeat(chance(seen, windows)) + part_ / kParts;
    repeats_ = 0;
    const auto whole = static_cast<std::uint32_t>(lost);
    part_ = static_cast<std::uint8_t>((lost - whole) * kParts);
    return whole;
  }
  void forget_repeats() { repeats_ = 0; }

  /// Of passes at random that a window sees with this chance p, r w = -ln(1 - p) come in it: lost
  /// are 2 (r w - p) of two windows, for p^2 repeats. The series of the logarithm, up to a chance
  /// of a half: where windows see a block more often than that, they say little of its rate.
  static constexpr double lost_for_repeat(double chance) {
    const double p = chance < 0.5 ? chance : 0.5;
    double power = 1;
    double sum = 0;
    for (int k = 2; k < 20; ++k) {
      sum += 2 * power / k;
      power *= p;
    }
    return sum;
  }

 private:
  static constexpr std::uint8_t kEver = 1;
  static constexpr std::uint8_t kInFirst = 2;
  static constexpr std::uint8_t kMapped = 4;
  static constexpr double kParts = 256;

  // Few windows say little of a chance: two more without the block keep it low.
  static constexpr double chance(std::uint32_t seen, std::uint64_t windows) {
    return static_cast<double>(seen) / static_cast<double>(windows + 2);
  }

  std::uint16_t repeats_ = 0;  ///< pairs that saw it twice, since take_lost()
  std::uint8_t part_ = 0;      ///< of a lost pass, in 256ths
  std::uint8_t flags_ = 0;
};

}  // namespace terrace::sources
