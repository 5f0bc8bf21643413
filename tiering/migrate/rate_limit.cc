// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/rate_limit.h"

namespace terrace::migrate {

void RateLimit::pay(Nanoseconds now) {
  const Debt paid = Debt(rate_) * (now - paid_until_).value;
  debt_ = debt_ > paid ? debt_ - paid : 0;
  if (now > paid_until_) paid_until_ = now;
}

void RateLimit::set(Bytes bytes_per_second, Nanoseconds now) {
  pay(now);
  rate_ = bytes_per_second.value;
  if (rate_ == 0) debt_ = 0;
}

Nanoseconds RateLimit::ready_at(Nanoseconds now) {
  pay(now);
  if (rate_ == 0 || debt_ == 0) return now;
  return now + Nanoseconds(static_cast<std::uint64_t>((debt_ + rate_ - 1) / rate_));
}

void RateLimit::charge(Bytes size, Nanoseconds now) {
  pay(now);
  if (rate_ != 0) debt_ += Debt(size.value) * kScale;
}

void RateLimit::refund(Bytes size, Nanoseconds now) {
  pay(now);
  const Debt back = Debt(size.value) * kScale;
  debt_ = debt_ > back ? debt_ - back : 0;
}

}  // namespace terrace::migrate
