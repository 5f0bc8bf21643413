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
  void saw() { set(kEver, true); }
  /// Had it page-table entries before the window dropped them?
  bool was_mapped() const { return (flags_ & kMapped) != 0; }
  /// True: it had been left without any, so the program came by and paid for a fault.
  bool set_mapped(bool mapped) {
    const bool back = mapped && is_left();
    set(kMapped, mapped);
    if (back) set(kLeft, false);
    if (back) set(kCameBack, true);
    return back;
  }
  /// Windows have not seen it for long, and when its entries were left dropped it did not come
  /// back: to put them back costs more than they are worth.
  bool is_better_left() const { return recent_ <= kSeenLongAgo && (flags_ & kCameBack) == 0; }
  /// Its entries are not put back.
  void leave() { set(kLeft, true); }
  bool is_left() const { return (flags_ & kLeft) != 0; }
  /// Of the last dozen of those windows, how many saw it, in 256ths: later ones weigh more.
  std::uint8_t recent() const { return recent_; }
  void forget_recent() { recent_ = 0; }
  /// Nearly each of them did: what every layer of a step uses again, say. No window is short enough
  /// to tell how often.
  bool is_in_constant_use() const { return recent_ >= kConstant; }
  /// Of a window that counts, by itself or the first of a pair. True: this one saw it and the first
  /// of the pair before did.
  bool first_window(bool seen) {
    recent_ = next_recent(seen);
    const bool again = seen && (flags_ & kInFirst) != 0;
    set(kInFirst, seen);
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
  static constexpr std::uint8_t kLeft = 8;
  static constexpr std::uint8_t kCameBack = 16;
  static constexpr double kParts = 256;
  static constexpr std::uint8_t kConstant = 230;
  static constexpr std::uint8_t kSeenLongAgo = 8;  ///< a dozen windows after it was seen

  void set(std::uint8_t flag, bool on) {
    flags_ = static_cast<std::uint8_t>(on ? flags_ | flag : flags_ & ~flag);
  }

  std::uint8_t next_recent(bool seen) const {
    constexpr unsigned kWeight = 8;
    const unsigned less = (recent_ + kWeight - 1) / kWeight;
    const unsigned next = recent_ - less + (seen ? 256 / kWeight : 0);
    return static_cast<std::uint8_t>(next < 255 ? next : 255);
  }

  // Few windows say little of a chance: two more without the block keep it low.
  static constexpr double chance(std::uint32_t seen, std::uint64_t windows) {
    return static_cast<double>(seen) / static_cast<double>(windows + 2);
  }

  std::uint16_t repeats_ = 0;  ///< pairs that saw it twice, since take_lost()
  std::uint8_t part_ = 0;      ///< of a lost pass, in 256ths
  std::uint8_t flags_ = 0;
  std::uint8_t recent_ = 0;
};

}  // namespace terrace::sources
