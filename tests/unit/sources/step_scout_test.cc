// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/step_scout.h"

#include <gtest/gtest.h>

#include <functional>

namespace terrace::sources::step_scout_test {
namespace {

using IsTouched = std::function<bool(std::uint32_t block, std::uint64_t at_ms)>;

struct Chosen {
  std::uint32_t block = 0;  ///< 0: none
  std::uint32_t polls = 0;
  std::uint64_t ms = 0;
};

/// Among blocks 100, 101, ..., polled as the recorder does.
Chosen choose(std::uint32_t blocks, const IsTouched& is_touched) {
  std::uint32_t polls = 0;
  StepScout scout;
  scout.begin(Nanoseconds());
  for (std::uint32_t i = 0; i < blocks; ++i) scout.add(100 + i);
  Nanoseconds now;
  while (!scout.finished(now)) {
    const std::uint64_t last_ms = now.value / 1000000;
    now = scout.next_poll(now);
    ++polls;
    for (std::uint32_t i = 0; i < scout.count(); ++i) {
      bool touched = false;
      for (std::uint64_t ms = last_ms; ms < now.value / 1000000; ++ms) {
        touched = touched || is_touched(scout.block(i), ms);
      }
      scout.poll(i, touched, now);
    }
  }
  return {scout.found() ? scout.best() : 0, polls, now.value / 1000000};
}

TEST(StepScout, ChoosesWhatEachStepTouchesAmongExperts) {
  const Chosen chosen = choose(8, [](std::uint32_t block, std::uint64_t at_ms) {
    const bool dense = block == 105;
    const std::uint64_t step = at_ms / 40;
    return at_ms % 40 < 2 && (dense || (step * 7 + block) % 4 == 0);
  });
  EXPECT_EQ(chosen.block, 105u);
  EXPECT_LE(chosen.ms, 4 * 40u);
}

TEST(StepScout, ABlockThatIsTouchedAllTheTimeIsNone) {
  const auto touched = [](std::uint32_t block, std::uint64_t at_ms) {
    return block == 100 ? at_ms % 8 != 0 : at_ms % 60 < 2;
  };
  EXPECT_EQ(choose(3, touched).block, 101u);
}

TEST(StepScout, APassThatStraddlesPollsIsOneTouch) {
  const auto touched = [](std::uint32_t block, std::uint64_t at_ms) {
    return block == 100 ? at_ms % 200 < 10 : at_ms % 100 < 2;
  };
  EXPECT_EQ(choose(2, touched).block, 101u);
}

TEST(StepScout, OneBlockNeedsNoChoice) {
  const Chosen chosen = choose(1, [](std::uint32_t, std::uint64_t) { return false; });
  EXPECT_EQ(chosen.block, 100u);
  EXPECT_EQ(chosen.polls, 0u);
}

TEST(StepScout, WhereNothingIsTouchedItLooksLessAndLessAndFindsNone) {
  const Chosen chosen = choose(4, [](std::uint32_t, std::uint64_t) { return false; });
  EXPECT_EQ(chosen.block, 0u);
  EXPECT_LT(chosen.polls, 100u) << "at each 2 ms there would be 1000";
  EXPECT_NEAR(static_cast<double>(chosen.ms), 2000, 130);
}

TEST(StepScout, WhatLoadingTouchesOnceIsNotFound) {
  const Chosen chosen = choose(8, [](std::uint32_t block, std::uint64_t at_ms) {
    return at_ms / 200 == block - 100 && at_ms % 200 < 2;
  });
  EXPECT_EQ(chosen.block, 0u);
}

}  // namespace
}  // namespace terrace::sources::step_scout_test
