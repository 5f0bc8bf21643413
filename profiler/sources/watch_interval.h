// SPDX-License-Identifier: Apache-2.0
// How often the step is looked for. A watch wakes the recorder's thread every two milliseconds,
// and what that costs the program beside the thread's own time no clock within it sees (measured:
// twice to three times as much, docs/sources.md). So a step that is found again as it was is looked
// for half as often, and so is one that is not to be found. Pure logic, resident.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::sources {

class WatchInterval {
 public:
  static constexpr Nanoseconds kShortest = milliseconds(4000);
  static constexpr Nanoseconds kLongest = milliseconds(32000);
  /// Nobody knows whether the program is still at its beginning.
  static constexpr Nanoseconds kLongestUnknown = milliseconds(8000);

  constexpr WatchInterval() = default;
  /// Between the beginnings of two watches.
  Nanoseconds every() const { return every_; }
  bool is_known() const { return period_.value != 0; }
  /// A watch ended with this period; 0: none was found.
  void ended(Nanoseconds period) {
    const Nanoseconds longest = period.value != 0 ? kLongest : kLongestUnknown;
    const Nanoseconds doubled(every_.value * 2);
    every_ = !is_as_before(period) ? kShortest : doubled < longest ? doubled : longest;
    period_ = period;
  }

 private:
  static constexpr std::uint64_t kEqualParts = 8;  ///< apart by no more than one in so many

  bool is_as_before(Nanoseconds period) const {
    const Nanoseconds more = period > period_ ? period : period_;
    const Nanoseconds less = period > period_ ? period_ : period;
    return (more - less).value <= more.value / kEqualParts;
  }

  Nanoseconds every_ = kShortest;
  Nanoseconds period_;
};

}  // namespace terrace::sources
