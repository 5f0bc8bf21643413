// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/move_history.h"

#include <gtest/gtest.h>

namespace terrace::policy::move_history_test {
namespace {

constexpr double kPrice = 3;  // touches

std::uint64_t steps_of_rest(const MoveHistory& history, BlockId block, std::uint64_t step) {
  std::uint64_t steps = 0;
  while (history.resting(block, step + steps)) ++steps;
  return steps;
}

TEST(MoveHistory, ABlockRestsAfterAMove) {
  MoveHistory history(2, kPrice);
  EXPECT_FALSE(history.resting(0, 10));
  history.moved(0, 1, 0, 10, 0);
  EXPECT_EQ(steps_of_rest(history, 0, 10), MoveHistory::kShortestRest);
  EXPECT_FALSE(history.resting(1, 10));
}

TEST(MoveHistory, RestsTwiceAsLongWhenAMoveUndoesOneThatHadNotPaidBack) {
  MoveHistory history(1, kPrice);
  history.moved(0, 1, 0, 10, 5);
  history.moved(0, 0, 1, 20, 6);
  EXPECT_EQ(steps_of_rest(history, 0, 20), 2 * MoveHistory::kShortestRest);
  for (std::uint64_t step = 30; step < 200; step += 40) {
    history.moved(0, 1, 0, step, 50);
    history.moved(0, 0, 1, step + 20, 50);
    EXPECT_LE(steps_of_rest(history, 0, step + 20), MoveHistory::kLongestRest);
  }
}

TEST(MoveHistory, RestsNoLongerWhenTheMoveHadPaidBack) {
  MoveHistory history(1, kPrice);
  history.moved(0, 1, 0, 10, 5);
  history.moved(0, 0, 1, 40, 25);  // read 20 times on the fast tier
  EXPECT_EQ(steps_of_rest(history, 0, 40), MoveHistory::kShortestRest);
  history.moved(0, 1, 0, 80, 26);  // once on the slow one
  EXPECT_EQ(steps_of_rest(history, 0, 80), MoveHistory::kShortestRest);
}

TEST(MoveHistory, ForgetsABlockThatComesIntoBeingAgain) {
  MoveHistory history(1, kPrice);
  history.moved(0, 1, 0, 10, 5);
  history.forget(0);
  EXPECT_FALSE(history.resting(0, 10));
}

}  // namespace
}  // namespace terrace::policy::move_history_test
