// SPDX-License-Identifier: Apache-2.0
// Which windows count although the background thread woke late. On a busy machine it may sleep on:
// a window of several lengths says less than one and is left out, as long as others come. Where all
// are like that they are all there is: from the third in a row on they count, until one is in time
// again. A block that was passed several times in such a window counts once, so heat comes out too
// low; without them nothing would come out at all. Pure logic, resident.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::sources {

class LateWindows {
 public:
  enum class Verdict : std::uint8_t {
    kInTime,   ///< of about the length that was wanted: judge it by what it saw
    kDropped,  ///< too long, and others may come
    kCounted,  ///< too long, but there is nothing better
  };

  constexpr LateWindows() = default;

  constexpr Verdict judge(Nanoseconds planned, Nanoseconds length) {
    if (length <= planned + planned + kWakesLate) {
      in_a_row_ = 0;
      return Verdict::kInTime;
    }
    if (in_a_row_ < kDroppedInARow) {
      ++in_a_row_;
      return Verdict::kDropped;
    }
    return Verdict::kCounted;
  }

 private:
  static constexpr std::uint32_t kDroppedInARow = 2;
  static constexpr Nanoseconds kWakesLate = milliseconds(4);

  std::uint32_t in_a_row_ = 0;
};

}  // namespace terrace::sources
