// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/watch_interval.h"

#include <gtest/gtest.h>

namespace terrace::sources::watch_interval_test {
namespace {

TEST(WatchInterval, GrowsWhileTheStepStaysWhatItWas) {
  WatchInterval interval;
  EXPECT_EQ(interval.every(), WatchInterval::kShortest);
  interval.ended(milliseconds(50));
  EXPECT_EQ(interval.every(), WatchInterval::kShortest) << "found for the first time";
  EXPECT_TRUE(interval.is_known());
  for (const unsigned ms : {52u, 49u, 51u, 55u, 50u}) interval.ended(milliseconds(ms));
  EXPECT_EQ(interval.every(), WatchInterval::kLongest);
}

TEST(WatchInterval, IsShortAgainOnceTheStepHasChanged) {
  WatchInterval interval;
  for (int i = 0; i < 4; ++i) interval.ended(milliseconds(50));
  EXPECT_GT(interval.every(), WatchInterval::kShortest);
  interval.ended(milliseconds(80));
  EXPECT_EQ(interval.every(), WatchInterval::kShortest);
  interval.ended(milliseconds(80));
  interval.ended(Nanoseconds());
  EXPECT_EQ(interval.every(), WatchInterval::kShortest) << "it is not found any more";
  EXPECT_FALSE(interval.is_known());
}

TEST(WatchInterval, AStepThatIsNotFoundIsLookedForLessOftenButSoonEnough) {
  WatchInterval interval;
  for (int i = 0; i < 9; ++i) interval.ended(Nanoseconds());
  EXPECT_EQ(interval.every(), WatchInterval::kLongestUnknown);
}

}  // namespace
}  // namespace terrace::sources::watch_interval_test
