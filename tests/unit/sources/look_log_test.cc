// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/look_log.h"

#include <gtest/gtest.h>

namespace terrace::sources::look_log_test {
namespace {

using session::LookKind;

TEST(LookLog, TheSecondWindowOfAPairBelongsToTheSameLook) {
  LookLog log;
  log.begin(LookKind::kWindows, milliseconds(10));
  log.add(microseconds(100), Nanoseconds());
  log.begin(LookKind::kWindows, milliseconds(20));
  log.add(microseconds(50), microseconds(70));
  log.end(milliseconds(30));
  ASSERT_EQ(log.count(), 1u);
  const session::LookRecord& look = log.ended()[0];
  EXPECT_EQ(look.begin_ns, milliseconds(10).value);
  EXPECT_EQ(look.end_ns, milliseconds(30).value);
  EXPECT_EQ(look.own_cpu_us, 150u);
  EXPECT_EQ(look.caused_cpu_us, 70u);
}

TEST(LookLog, ALookOfAnotherKindEndsTheOneThatIsOn) {
  LookLog log;
  log.begin(LookKind::kStep, milliseconds(1));
  log.begin(LookKind::kWindows, milliseconds(2));
  ASSERT_EQ(log.count(), 1u);
  EXPECT_EQ(log.ended()[0].end_ns, milliseconds(2).value);
  EXPECT_TRUE(log.is_open());
}

TEST(LookLog, WhatIsOnStaysWhenTheOthersAreWritten) {
  LookLog log;
  for (std::uint64_t i = 0; i < 3; ++i) {
    log.begin(LookKind::kWindows, milliseconds(10 * i));
    log.end(milliseconds(10 * i + 5));
  }
  log.begin(LookKind::kStep, milliseconds(40));
  log.add(microseconds(9), Nanoseconds());
  log.written();
  EXPECT_EQ(log.count(), 0u);
  ASSERT_TRUE(log.is_open());
  log.end(milliseconds(50));
  ASSERT_EQ(log.count(), 1u);
  EXPECT_EQ(log.ended()[0].begin_ns, milliseconds(40).value);
  EXPECT_EQ(log.ended()[0].own_cpu_us, 9u);
}

TEST(LookLog, IsFullOfSoManyAndEmptyOnceTheyAreWritten) {
  LookLog log;
  for (std::uint32_t i = 0; i < LookLog::kMost; ++i) {
    EXPECT_FALSE(log.is_full());
    log.begin(LookKind::kWindows, Nanoseconds(i));
    log.end(Nanoseconds(i + 1));
  }
  EXPECT_TRUE(log.is_full());
  log.written();
  EXPECT_FALSE(log.is_full());
}

}  // namespace
}  // namespace terrace::sources::look_log_test
