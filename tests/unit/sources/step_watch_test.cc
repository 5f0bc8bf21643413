// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/step_watch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace terrace::sources::step_watch_test {
namespace {

/// Polls a block that is touched for `busy` at the start of each `step`; touches whose number is in
/// `missed` (modulo 5) are not seen.
StepWatch watch_program(Nanoseconds step, Nanoseconds busy, int missed_of_five) {
  StepWatch watch;
  const Nanoseconds start = milliseconds(1000);
  watch.begin(7, StepWatch::kWanted, start);
  Nanoseconds last = start;
  Nanoseconds now = start;
  for (; !watch.finished(now); now = watch.next_poll(now)) {
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

/// A block that is touched for a moment at each of these times: polls until all are over.
struct Touches {
  StepWatch watch;
  int polls = 0;
};
Touches watch_touches(const std::vector<std::uint64_t>& at_ms) {
  Touches result;
  result.watch.begin(7, StepWatch::kWanted, Nanoseconds());
  Nanoseconds last;
  const Nanoseconds end = milliseconds(at_ms.back() + 5);
  for (Nanoseconds now; now < end && !result.watch.finished(now);
       now = result.watch.next_poll(now)) {
    const bool touched = std::any_of(at_ms.begin(), at_ms.end(), [&](std::uint64_t at) {
      return milliseconds(at) >= last && milliseconds(at) < now;
    });
    result.watch.poll(touched, now);
    ++result.polls;
    last = now;
  }
  return result;
}

TEST(StepWatch, RestsBetweenTouchesOnceTheyComeEvenly) {
  std::vector<std::uint64_t> even;
  for (std::uint64_t i = 1; i <= 17; ++i) even.push_back(43 * i);
  const Touches seen = watch_touches(even);
  EXPECT_NEAR(static_cast<double>(seen.watch.period().value) / 1e6, 43, 0.5);
  // The first four steps at each 2 ms, then about 7 polls a step.
  EXPECT_LT(seen.polls, 200);
}

TEST(StepWatch, ATouchSoonerThanForeseenStartsAnew) {
  std::vector<std::uint64_t> at = {80, 160, 240, 320};
  for (std::uint64_t i = 1; i <= 12; ++i) at.push_back(320 + 31 * i);
  const Touches seen = watch_touches(at);
  EXPECT_GE(seen.watch.observations(), 4u);
  EXPECT_NEAR(static_cast<double>(seen.watch.period().value) / 1e6, 31, 0.7);
}

TEST(StepWatch, UnevenTouchesAreLookedAtAllTheTime) {
  const std::vector<std::uint64_t> at = {40, 80, 200, 240, 400, 440, 560, 600};
  const Touches seen = watch_touches(at);
  EXPECT_GT(seen.polls, 600 / 2 - 30);
  EXPECT_NEAR(static_cast<double>(seen.watch.period().value) / 1e6, 40, 1);
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
  watch.begin(0, StepWatch::kWanted, milliseconds(1));
  Nanoseconds now = milliseconds(1);
  std::uint32_t polls = 0;
  for (; !watch.finished(now); now = now + StepWatch::kPoll) {
    watch.poll(true, now);
    ++polls;
  }
  EXPECT_EQ(watch.period().value, 0u);
  EXPECT_EQ(polls, StepWatch::kPollsToJudge) << "no window opens while it is looked at";
}

TEST(StepWatch, ABlockThatABeginningUsesForLongIsStillWatched) {
  StepWatch watch;
  watch.begin(0, StepWatch::kWanted, Nanoseconds());
  Nanoseconds now;
  for (std::uint32_t polls = 0; !watch.finished(now); ++polls) {
    now = now + StepWatch::kPoll;
    watch.poll(polls < StepWatch::kPollsToJudge / 3 || polls % 20 == 0, now);
  }
  EXPECT_NEAR(static_cast<double>(watch.period().value) / 1e6, 40, 1);
}

TEST(StepWatch, FewerTimesConfirmWhatIsKnown) {
  StepWatch watch;
  watch.begin(0, StepWatch::kWantedToConfirm, Nanoseconds());
  Nanoseconds now;
  for (std::uint32_t polls = 0; !watch.finished(now); ++polls) {
    now = now + StepWatch::kPoll;
    watch.poll(polls % 20 == 0, now);
  }
  EXPECT_EQ(watch.observations(), StepWatch::kWantedToConfirm);
  EXPECT_EQ(watch.period(), milliseconds(40));
}

TEST(StepWatch, SlowStepsTakeFewPollsAndAreFoundAsWell) {
  const Touches seen = watch_touches({700, 1400, 2100, 2800});
  EXPECT_LT(seen.polls, 900) << "at each 2 ms there would be 1400";
  const StepWatch watch = watch_program(milliseconds(600), microseconds(200), 0);
  ASSERT_GE(watch.observations(), 4u);
  EXPECT_NEAR(static_cast<double>(watch.period().value) / 1e6, 600, 600 / 64);
}

TEST(StepWatch, GivesUpOnABlockThatIsNotTouched) {
  StepWatch watch;
  watch.begin(0, StepWatch::kWanted, milliseconds(1));
  EXPECT_FALSE(watch.finished(milliseconds(2)));
  EXPECT_TRUE(watch.finished(milliseconds(2) + StepWatch::kLongest));
  EXPECT_EQ(watch.observations(), 0u);
}

}  // namespace
}  // namespace terrace::sources::step_watch_test
