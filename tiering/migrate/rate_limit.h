// SPDX-License-Identifier: Apache-2.0
// A token bucket as deep as one batch: the mover may begin something when all that it began before
// is paid for. Time not used is not saved up, so in any time t at most t x rate and one batch more
// is begun. Whole numbers throughout: the bound is exact. Pure; the mover's lock guards it.
#pragma once

#include <terrace/units.h>

namespace terrace::migrate {

class RateLimit {
 public:
  /// 0: no limit. What is owed already stays owed, and is paid at the new rate.
  void set(Bytes bytes_per_second, Nanoseconds now);
  /// The earliest time at which something may begin; `now` or earlier: at once.
  Nanoseconds ready_at(Nanoseconds now);
  void charge(Bytes size, Nanoseconds now);
  /// What was charged for and then needed no move.
  void refund(Bytes size, Nanoseconds now);

 private:
  /// Bytes x 1e9, so that a nanosecond at a byte per second is a whole number.
  __extension__ using Debt = unsigned __int128;
  static constexpr std::uint64_t kScale = 1'000'000'000;

  void pay(Nanoseconds now);

  std::uint64_t rate_ = 0;
  Debt debt_ = 0;
  Nanoseconds paid_until_;
};

}  // namespace terrace::migrate
