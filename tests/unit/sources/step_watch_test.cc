// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/step_watch.h"

#include <gtest/gtest.h>

namespace terrace::sources {
namespace {

/// Polls a block that is touched for `busy` at the start of each `step`; touches whose number is in
/// `missed` (modulo 5) are not seen.
StepWatch watch_program(Nanoseconds step, Nanoseconds busy, int missed_of_five) {
  StepWatch watch;
  const Nanoseconds start = milliseconds(1000);
  watch.begin(7, start);
  Nanoseconds last = start;
  for (Nanoseconds now = start; !watch.finished(now); now = now + StepWatch::kPoll) {
    bool touched = false;
    for (std::uint64_t t = last.value; t < now.value; t += 50000) {
      const std::uint64_t into = (t - start.value) % step.value;
      const std::uint64_t number = (t - start.value) / step.value;
      if (into < busy.value && static_cast<int>(number % 5) >= missed_of_five) touched = true;
    }
    watch.poll(touched, now);
    last = now;
  }
  return watch;
}

TEST(StepWatch, FindsThePeriodToWithinAPollOverAllSteps) {
  for (const std::uint64_t step_ms : {12, 43, 80, 130}) {
    const StepWatch watch = watch_program(milliseconds(step_ms), microseconds(200), 0);
    ASSERT_GE(watch.observations(), 4u) << step_ms;
    EXPECT_NEAR(static_cast<double>(watch.period().value) / 1e6, static_cast<double>(step_ms),
                2.0 / watch.observations() + 0.6)
        << step_ms;
  }
}

TEST(StepWatch, AMissedStepCountsAsTwoPeriods) {
  const StepWatch watch = watch_program(milliseconds(40), microseconds(200), 1);
  EXPECT_NEAR(static_cast<double>(watch.period().value) / 1e6, 40, 1);
}

TEST(StepWatch, APassThatStraddlesTwoPollsIsOneTouch) {
  const StepWatch watch = watch_program(milliseconds(50), milliseconds(3), 0);
  EXPECT_NEAR(static_cast<double>(watch.period().value) / 1e6, 50, 1);
}

TEST(StepWatch, StepsThatPollsCannotTellApartHaveNoPeriod) {
  for (const std::uint64_t step_us : {300, 1100, 1900, 2100, 2300, 2700, 3000, 3500}) {
    const StepWatch watch = watch_program(microseconds(step_us), microseconds(100), 0);
    EXPECT_EQ(watch.period().value, 0u) << step_us << " us";
  }
  const StepWatch watch = watch_program(milliseconds(6), microseconds(100), 0);
  EXPECT_NEAR(static_cast<double>(watch.period().value) / 1e6, 6, 0.6);
}

TEST(StepWatch, ABlockInConstantUseHasNoPeriod) {
  StepWatch watch;
  watch.begin(0, milliseconds(1));
  Nanoseconds now = milliseconds(1);
  for (; !watch.finished(now); now = now + StepWatch::kPoll) watch.poll(true, now);
  EXPECT_EQ(watch.period().value, 0u);
}

TEST(StepWatch, GivesUpOnABlockThatIsNotTouched) {
  StepWatch watch;
  watch.begin(0, milliseconds(1));
  EXPECT_FALSE(watch.finished(milliseconds(2)));
  EXPECT_TRUE(watch.finished(milliseconds(2) + StepWatch::kLongest));
  EXPECT_EQ(watch.observations(), 0u);
}

}  // namespace
}  // namespace terrace::sources
