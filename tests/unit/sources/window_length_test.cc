// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/window_length.h"

#include <gtest/gtest.h>

namespace terrace::sources::window_length_test {
namespace {

/// A program that scans `blocks` blocks in `step`: what a window of `length` sees of them.
std::uint64_t seen_in(Nanoseconds length, Nanoseconds step, std::uint64_t blocks) {
  if (length >= step) return blocks;
  return blocks * length.value / step.value;
}

TEST(WindowLength, SettlesBelowHalfAStepWhateverTheStep) {
  for (const std::uint64_t step_ms : {5, 20, 60, 150, 200}) {
    const Nanoseconds step = milliseconds(step_ms);
    WindowLength window;
    for (int i = 0; i < 40; ++i) window.adapt(seen_in(window.length(), step, 500), 500);
    EXPECT_LT(window.length().value, step.value / 2) << step_ms << " ms";
    EXPECT_GT(window.length().value, step.value / 10) << step_ms << " ms";
    EXPECT_TRUE(window.adapt(seen_in(window.length(), step, 500), 500));
  }
}

TEST(WindowLength, AWindowThatSawNearlyEverythingDoesNotCount) {
  WindowLength window;
  EXPECT_FALSE(window.adapt(480, 500));
  EXPECT_TRUE(window.adapt(100, 500));
}

TEST(WindowLength, IsShortEnoughForAFastScanAfterThreeWindows) {
  const Nanoseconds step = milliseconds(3);
  WindowLength window;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(window.adapt(seen_in(window.length(), step, 24), 24));
  }
  EXPECT_TRUE(window.adapt(seen_in(window.length(), step, 24), 24));
}

TEST(WindowLength, AnIdleProgramDoesNotStretchIt) {
  WindowLength window;
  const Nanoseconds before = window.length();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(window.adapt(0, 500));
  EXPECT_EQ(window.length(), before);
}

TEST(WindowLength, IsCutWhereABlockIsPassedSeveralTimesInAWindow) {
  WindowLength window;
  for (int i = 0; i < 10; ++i) {
    // A few hot blocks among many: the share seen stays small, the chance of a touch does not.
    const double chance = static_cast<double>(window.length().value) / 20e6;
    window.adapt(40, 500);
    window.saturated(chance);
  }
  EXPECT_GE(window.length(), milliseconds(4));
  EXPECT_LE(window.length(), milliseconds(6));
}

TEST(WindowLength, GrowsBackWhenNothingIsHotAnyMore) {
  WindowLength window;
  for (int i = 0; i < 10; ++i) window.saturated(0.9);
  EXPECT_LE(window.length(), milliseconds(1));
  for (int i = 0; i < 40; ++i) {
    window.adapt(10, 500);
    window.saturated(0.02);
  }
  EXPECT_GT(window.length(), milliseconds(10));
}

TEST(WindowLength, TheShortestWindowCountsEvenWhenItSeesAll) {
  WindowLength window;
  bool counted = false;
  for (int i = 0; i < 20; ++i) counted = window.adapt(500, 500);
  EXPECT_TRUE(counted);
  EXPECT_LE(window.length(), milliseconds(1));
}

}  // namespace
}  // namespace terrace::sources::window_length_test
