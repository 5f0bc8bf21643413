// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/tracked_pace.h"

#include <gtest/gtest.h>

namespace terrace::sources::tracked_pace_test {
namespace {

constexpr std::uint64_t kOneBusy = 1000000;

TEST(TrackedPace, IsTheUsualOneUntilEnoughWasSeen) {
  TrackedPace pace;
  pace.window(100, milliseconds(10), kOneBusy);
  pace.tracked_window(19, milliseconds(10), kOneBusy);
  EXPECT_EQ(pace.share(), 1);
}

TEST(TrackedPace, IsWhatIsPassedOfWhatWouldBe) {
  // Of each window one block is under way: 20 are passed in the one sort, 10 in the other.
  TrackedPace pace;
  for (int i = 0; i < 7; ++i) pace.window(21, milliseconds(5), kOneBusy);
  for (int i = 0; i < 3; ++i) pace.tracked_window(11, milliseconds(5), kOneBusy);
  EXPECT_NEAR(pace.share(), 0.5, 1e-6);
}

TEST(TrackedPace, ReckonsWithWindowsOfOtherLengths) {
  TrackedPace pace;
  for (int i = 0; i < 7; ++i) pace.window(21, milliseconds(5), kOneBusy);
  for (int i = 0; i < 3; ++i) pace.tracked_window(11, Nanoseconds(2500000), kOneBusy);
  EXPECT_NEAR(pace.share(), 1, 1e-6);
}

TEST(TrackedPace, IsNeverTakenForFasterNorForAStandstill) {
  TrackedPace faster;
  faster.window(21, milliseconds(5), kOneBusy);
  faster.tracked_window(41, milliseconds(5), kOneBusy);
  EXPECT_EQ(faster.share(), 1);
  TrackedPace slow;
  slow.window(2001, milliseconds(5), kOneBusy);
  slow.tracked_window(21, milliseconds(5), kOneBusy);
  EXPECT_EQ(slow.share(), 0.1);
}

}  // namespace
}  // namespace terrace::sources::tracked_pace_test
