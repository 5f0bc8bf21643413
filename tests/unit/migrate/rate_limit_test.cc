// SPDX-License-Identifier: Apache-2.0
// Exact by whole numbers; nothing here waits.
#include "tiering/migrate/rate_limit.h"

#include <gtest/gtest.h>

#include <random>

namespace terrace::migrate::rate_limit_test {
namespace {

constexpr Nanoseconds kStart = milliseconds(7);

TEST(RateLimit, WithoutALimitAllMayBegin) {
  RateLimit limit;
  limit.charge(GiB(100), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart);
}

TEST(RateLimit, TheNextMayBeginWhenTheLastIsPaidFor) {
  RateLimit limit;
  limit.set(Bytes(1000), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart);
  limit.charge(Bytes(1500), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart + milliseconds(1500));
  EXPECT_EQ(limit.ready_at(kStart + milliseconds(1499)), kStart + milliseconds(1500));
  const Nanoseconds paid = kStart + milliseconds(1500);
  EXPECT_EQ(limit.ready_at(paid), paid);
}

TEST(RateLimit, FractionsOfANanosecondRoundUp) {
  RateLimit limit;
  limit.set(Bytes(3), kStart);
  limit.charge(Bytes(1), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart + Nanoseconds(333'333'334));
}

TEST(RateLimit, IdleTimeIsNotSavedUp) {
  RateLimit limit;
  limit.set(Bytes(1000), kStart);
  const Nanoseconds later = kStart + milliseconds(1'000'000);
  limit.charge(Bytes(1000), later);
  EXPECT_EQ(limit.ready_at(later), later + milliseconds(1000));
}

TEST(RateLimit, WhatWasNotMovedIsGivenBack) {
  RateLimit limit;
  limit.set(Bytes(1000), kStart);
  limit.charge(Bytes(2000), kStart);
  limit.refund(Bytes(1500), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart + milliseconds(500));
  limit.refund(Bytes(5000), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart) << "and no more than was charged";
  limit.charge(Bytes(1000), kStart);
  EXPECT_EQ(limit.ready_at(kStart), kStart + milliseconds(1000));
}

TEST(RateLimit, DebtIsPaidAtTheNewRate) {
  RateLimit limit;
  limit.set(Bytes(10), kStart);
  limit.charge(Bytes(1000), kStart);
  limit.set(Bytes(1000), kStart + milliseconds(10'000));
  EXPECT_EQ(limit.ready_at(kStart + milliseconds(10'000)), kStart + milliseconds(10'900));
  limit.set(Bytes(0), kStart + milliseconds(10'000));
  EXPECT_EQ(limit.ready_at(kStart + milliseconds(10'000)), kStart + milliseconds(10'000));
}

TEST(RateLimit, HoldsItsBoundForAnyCalls) {
  std::mt19937 random(20);
  for (const std::uint64_t rate : {1ull, 999ull, 1'234'567'891ull, 400'000'000'000ull}) {
    RateLimit limit;
    Nanoseconds now = kStart;
    limit.set(Bytes(rate), now);
    unsigned __int128 begun = 0;
    const Bytes batch = MiB(16);
    for (int i = 0; i < 500; ++i) {
      const Nanoseconds ready = limit.ready_at(now);
      if (ready > now) now = ready;
      if (i % 7 == 0) now = now + Nanoseconds(random() % 1'000'000);
      limit.charge(batch, now);
      begun += batch.value;
      const unsigned __int128 allowed =
          static_cast<unsigned __int128>(rate) * (now - kStart).value / 1'000'000'000 + batch.value;
      ASSERT_LE(begun, allowed) << "rate " << rate << ", batch " << i;
    }
  }
}

}  // namespace
}  // namespace terrace::migrate::rate_limit_test
