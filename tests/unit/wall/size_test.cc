// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/size.h"

#include <gtest/gtest.h>

#include "tests/unit/wall/wall_rig.h"

namespace terrace::wall::size_test {
namespace {

using test::machine;
using test::plain_constants;
using test::small_model;

Candidate priced(const std::string& name, double gbps, double gigabytes, double usd) {
  Candidate candidate{machine(name, gbps, gigabytes), 0};
  candidate.machine.price_usd = usd;
  return candidate;
}

std::vector<std::string> order(const std::vector<Candidate>& candidates, const Target& target,
                               Confidence confidence) {
  const auto sizes = size_up(plain_constants(), candidates, small_model(), target, confidence);
  EXPECT_TRUE(sizes.ok());
  std::vector<std::string> names;
  for (const Sized& sized : *sizes) {
    const std::string mark = sized.reaches ? "" : " lacks " + sized.lacks;
    names.push_back(candidates[sized.candidate].machine.name + mark);
  }
  return names;
}

TEST(Size, TheCheapestThatReachesTheTargetComesFirst) {
  const std::vector<Candidate> candidates = {
      priced("small", 500, 9, 100), priced("slow", 100, 80, 200), priced("dear", 2000, 80, 9000),
      priced("right", 1000, 80, 3000), priced("unpriced", 1000, 80, 0)};
  EXPECT_EQ(order(candidates, {50, 2000, 1}, Confidence::kExpected),
            (std::vector<std::string>{"right", "dear", "unpriced", "slow lacks speed",
                                      "small lacks capacity"}));
}

TEST(Size, WithoutPricesLessPowerAndFewerExpandersComeFirst) {
  std::vector<Candidate> candidates = {priced("hot", 1000, 80, 0), priced("more", 1000, 80, 0),
                                       priced("cool", 1000, 80, 0)};
  candidates[0].machine.power_watts = 700;
  candidates[1].machine.power_watts = 300;
  candidates[1].cxl_devices = 4;
  candidates[2].machine.power_watts = 300;
  EXPECT_EQ(order(candidates, {50, 2000, 1}, Confidence::kExpected),
            (std::vector<std::string>{"cool", "more", "hot"}));
}

TEST(Size, CarefulCountsOnTheSlowEnd) {
  const std::vector<Candidate> candidates = {priced("just", 1000, 80, 100),
                                             priced("roomy", 2000, 80, 200)};
  EXPECT_EQ(order(candidates, {90, 2000, 1}, Confidence::kExpected).front(), "just");
  EXPECT_EQ(order(candidates, {90, 2000, 1}, Confidence::kCareful).front(), "roomy");
}

TEST(Size, EveryUserGetsTheSpeed) {
  const std::vector<Candidate> candidates = {priced("one", 1000, 80, 100)};
  EXPECT_EQ(order(candidates, {60, 2000, 4}, Confidence::kExpected).front(), "one");
  EXPECT_EQ(order(candidates, {70, 2000, 4}, Confidence::kExpected).front(), "one lacks speed");
}

}  // namespace
}  // namespace terrace::wall::size_test
