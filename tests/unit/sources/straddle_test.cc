// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/straddle.h"

#include <gtest/gtest.h>

namespace terrace::sources::straddle_test {
namespace {

constexpr std::uint64_t kOneBusy = 1000000;

TEST(PassesUnderWay, OneThreadsStreamIsSeenOnceTooOftenInEachWindow) {
  // 100 windows of 1 ms in which 9 blocks were passed: 10 are seen.
  const Nanoseconds observed = milliseconds(100);
  const Nanoseconds stands_for = with_passes_under_way(observed, 1000, 100, kOneBusy);
  EXPECT_NEAR(1000.0 / static_cast<double>(stands_for.value),
              900.0 / static_cast<double>(observed.value), 1e-9);
}

TEST(PassesUnderWay, AreOneForEachBusyThread) {
  const Nanoseconds one = with_passes_under_way(milliseconds(100), 1000, 100, kOneBusy);
  const Nanoseconds four = with_passes_under_way(milliseconds(100), 1000, 100, 4 * kOneBusy);
  EXPECT_GT(four, one);
}

TEST(PassesUnderWay, TakeNoMoreThanHalfOfWhatWasSeen) {
  EXPECT_EQ(with_passes_under_way(milliseconds(100), 10, 100, kOneBusy), milliseconds(200));
}

TEST(PassesUnderWay, NothingSeenIsNothingUnderWay) {
  EXPECT_EQ(with_passes_under_way(milliseconds(100), 0, 100, kOneBusy), milliseconds(100));
}

TEST(WithoutFaults, TheTimeOfFaultsIsNoneOfTheProgramsWork) {
  EXPECT_EQ(without_faults(milliseconds(10), milliseconds(2), kOneBusy), milliseconds(8));
  EXPECT_EQ(without_faults(milliseconds(10), Nanoseconds(), kOneBusy), milliseconds(10));
}

TEST(WithoutFaults, ThreadsFaultAtTheSameTime) {
  EXPECT_EQ(without_faults(milliseconds(10), milliseconds(8), 4 * kOneBusy), milliseconds(8));
}

TEST(WithoutFaults, LeaveHalfOfTheWindow) {
  EXPECT_EQ(without_faults(milliseconds(10), milliseconds(9), kOneBusy), milliseconds(5));
  EXPECT_EQ(without_faults(milliseconds(10), milliseconds(900), kOneBusy), milliseconds(5));
}

}  // namespace
}  // namespace terrace::sources::straddle_test
