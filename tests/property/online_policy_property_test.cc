// SPDX-License-Identifier: Apache-2.0
// What docs/simulator.md promises of the online policy, over seeds and sizes of the fast tier that
// it was not judged by while it was made: never much worse than the best of the published policies,
// and still on a scan.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "tests/fuzz/mutate.h"
#include "tiering/policy/registry.h"
#include "tiering/simulate/comparison.h"
#include "tiering/simulate/machine_of.h"

namespace terrace::simulate::online_policy_property_test {
namespace {

// Of the best baseline's step time. Single seeds have been up to 1.4 % over it.
constexpr double kMargin = 1.01;
constexpr double kSlowRatio = 0.25;

Result<Comparison> compare_all(const SyntheticSpec& workload, double fast_share,
                               std::uint64_t seed) {
  const std::uint32_t blocks = workload.make(seed)->layout().blocks();
  const Topology topology = two_tiers({fast_share, kSlowRatio, GBps(100)}, blocks);
  const auto machine = machine_of(topology, 0, blocks);
  if (!machine) return machine.error();
  std::vector<const policy::PolicySpec*> policies;
  for (const policy::PolicySpec& spec : policy::policies()) {
    if (spec.name != "plan") policies.push_back(&spec);
  }
  return compare(synthetic_source(workload, seed), topology, *machine, policies, {});
}

const PolicyOutcome& outcome_of(const Comparison& comparison, std::string_view name) {
  for (const PolicyOutcome& outcome : comparison.policies) {
    if (outcome.name == name) return outcome;
  }
  ADD_FAILURE() << name << " did not take part";
  return comparison.policies.front();
}

class OnlinePolicy : public testing::TestWithParam<double> {};

/// The policy's step time over that of the best of the others, whichever that is for this seed.
double over_best(const Comparison& comparison) {
  double best = std::numeric_limits<double>::infinity();
  for (const PolicyOutcome& outcome : comparison.policies) {
    if (outcome.name != "online") best = std::min(best, outcome.over_bound);
  }
  return outcome_of(comparison, "online").over_bound / best;
}

// The mean, since which of ten policies is best is chosen afterwards, seed by seed: what luck gives
// one of them in one seed has a tail.
TEST_P(OnlinePolicy, IsNeverMuchWorseThanTheBestBaseline) {
  constexpr int kRounds = 3;
  std::mt19937 random(fuzz::logged_seed());
  const std::uint64_t seeds[kRounds] = {random(), random(), random()};
  for (const SyntheticSpec& workload : synthetic_workloads()) {
    double sum = 0;
    for (const std::uint64_t seed : seeds) {
      const auto comparison = compare_all(workload, GetParam(), seed);
      ASSERT_TRUE(comparison.ok()) << comparison.error().message;
      sum += over_best(*comparison);
    }
    EXPECT_LE(sum / kRounds, kMargin)
        << workload.name << ", seeds " << seeds[0] << ' ' << seeds[1] << ' ' << seeds[2];
  }
}

TEST_P(OnlinePolicy, MovesNothingOnAScanLargerThanTheFastTier) {
  const auto comparison = compare_all(*find_synthetic("dense"), GetParam(), 1);
  ASSERT_TRUE(comparison.ok()) << comparison.error().message;
  EXPECT_EQ(outcome_of(*comparison, "online").totals.moves, 0u);
  EXPECT_LT(outcome_of(*comparison, "online").over_bound, 1.01);
}

std::string name_of(const testing::TestParamInfo<double>& share) {
  return "Fast" + std::to_string(static_cast<int>(share.param * 100));
}

INSTANTIATE_TEST_SUITE_P(FastShares, OnlinePolicy, testing::Values(0.25, 0.5, 0.75), name_of);

}  // namespace
}  // namespace terrace::simulate::online_policy_property_test
