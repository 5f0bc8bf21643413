// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/late_windows.h"

#include <gtest/gtest.h>

namespace terrace::sources::late_windows_test {
namespace {

using Verdict = LateWindows::Verdict;

TEST(LateWindows, AWindowInTimeIsJudgedByWhatItSaw) {
  LateWindows late;
  EXPECT_EQ(late.judge(milliseconds(16), milliseconds(17)), Verdict::kInTime);
  EXPECT_EQ(late.judge(milliseconds(1), milliseconds(5)), Verdict::kInTime);
}

TEST(LateWindows, OneThatIsLateAmongOthersIsDropped) {
  LateWindows late;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(late.judge(milliseconds(4), milliseconds(60)), Verdict::kDropped);
    EXPECT_EQ(late.judge(milliseconds(4), milliseconds(5)), Verdict::kInTime);
  }
}

TEST(LateWindows, WhereAllAreLateAllButTheFirstFewCount) {
  LateWindows late;
  int counted = 0;
  for (int i = 0; i < 20; ++i) {
    counted += late.judge(milliseconds(4), milliseconds(60)) == Verdict::kCounted ? 1 : 0;
  }
  EXPECT_EQ(counted, 18);
}

TEST(LateWindows, AfterOneInTimeThereMayBeBetterOnesAgain) {
  LateWindows late;
  for (int i = 0; i < 5; ++i) late.judge(milliseconds(4), milliseconds(60));
  EXPECT_EQ(late.judge(milliseconds(4), milliseconds(4)), Verdict::kInTime);
  EXPECT_EQ(late.judge(milliseconds(4), milliseconds(60)), Verdict::kDropped);
}

}  // namespace
}  // namespace terrace::sources::late_windows_test
