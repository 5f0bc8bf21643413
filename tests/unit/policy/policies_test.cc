// SPDX-License-Identifier: Apache-2.0
// Each policy against the behaviour that is published for it, on cases where that is known.
#include <gtest/gtest.h>

#include "tests/unit/simulate/run_policy.h"
#include "tiering/policy/registry.h"

namespace terrace::policy::policies_test {
namespace {

using simulate::policy_fixture::run_policy;
using simulate::policy_fixture::Shape;

constexpr const char* kPlacedOnce[] = {"first-touch", "interleave", "weighted", "plan"};
constexpr const char* kAdaptive[] = {"lru", "clock", "tpp", "memtis", "colloid", "online"};

TEST(Policies, HaveNamesThatAreFoundAndSourcesThatAreStated) {
  for (const PolicySpec& spec : policies()) {
    EXPECT_EQ(find_policy(spec.name), &spec);
    EXPECT_FALSE(spec.summary.empty());
    EXPECT_FALSE(spec.source.empty());
  }
  EXPECT_EQ(find_policy("belady"), nullptr);
}

TEST(Policies, PlacedOnceNeverMove) {
  for (const char* name : kPlacedOnce) {
    for (const char* workload : {"dense", "moe", "kv", "shift"}) {
      EXPECT_EQ(run_policy(name, workload, Shape{}).totals.moves, 0u) << name << " " << workload;
    }
  }
}

// A scan larger than the fast tier: recency hits nothing and moves for ever.
TEST(Policies, RecencyHitsNothingOnAScanAndMovesForEver) {
  for (const char* name : {"lru", "clock"}) {
    const auto run = run_policy(name, "dense", Shape{});
    EXPECT_EQ(run.totals.blocks_hit, 0u) << name;
    EXPECT_EQ(run.totals.moves, 2 * run.totals.blocks_read) << name;
    EXPECT_GT(run.totals.back_and_forth, run.totals.moves * 9 / 10) << name;
    const auto first_touch = run_policy("first-touch", "dense", Shape{});
    EXPECT_GT(run.totals.step_seconds(), 3 * first_touch.totals.step_seconds()) << name;
  }
}

// docs/kernel-tiering.md measured it: every page of a scan looks hot when it is read.
TEST(Policies, HintFaultsKeepPromotingAScan) {
  const auto run = run_policy("tpp", "dense", Shape{});
  EXPECT_GT(run.totals.moves, run.totals.steps);
  EXPECT_GT(run.totals.back_and_forth, run.totals.moves / 2);
}

// All blocks fall in one bin, which does not fit: nothing is hot, and what is warm stays.
TEST(Policies, TheHistogramLeavesAScanAlone) {
  EXPECT_EQ(run_policy("memtis", "dense", Shape{}).totals.moves, 0u);
}

// Skewed and static: each adaptive policy comes near the share that the hottest blocks have.
TEST(Policies, AdaptiveOnesConvergeToAStaticHotSet) {
  const auto bound = run_policy("first-touch", "zipf", Shape{}).bound_step_seconds;
  const double untrained = run_policy("first-touch", "zipf", Shape{}).totals.hit_share();
  for (const char* name : kAdaptive) {
    const auto run = run_policy(name, "zipf", Shape{});
    EXPECT_GT(run.totals.hit_share(), untrained + 0.1) << name;
  }
  EXPECT_LT(run_policy("memtis", "zipf", Shape{}).totals.step_seconds(), 1.25 * bound);
  EXPECT_LT(run_policy("online", "zipf", Shape{}).totals.step_seconds(), 1.10 * bound);
}

TEST(Policies, AdaptiveOnesBeatStaticOnesWhenTheHotSetShifts) {
  double best_static = 1e9;
  for (const char* name : {"first-touch", "interleave", "weighted"}) {
    best_static = std::min(best_static, run_policy(name, "shift", Shape{}).totals.step_seconds());
  }
  for (const char* name : {"lru", "clock", "tpp", "memtis", "online"}) {
    EXPECT_LT(run_policy(name, "shift", Shape{}).totals.step_seconds(), best_static) << name;
  }
}

// Colloid's point: when the fast tier answers later than the other one, heat moves away from it.
TEST(Policies, LatencyBalancingLeavesAnOverloadedFastTier) {
  Shape shape;
  shape.fast_share = 1;
  shape.slow_ratio = 1;
  shape.engine_seconds_per_byte = 1e-15;
  const auto balanced = run_policy("colloid", "dense", shape);
  const auto packed = run_policy("first-touch", "dense", shape);
  EXPECT_EQ(packed.totals.hit_share(), 1.0);
  EXPECT_LT(balanced.totals.hit_share(), 0.9);
}

TEST(Policies, HintFaultsKeepTheirHeadroomFree) {
  const auto run = run_policy("tpp", "zipf", Shape{});
  EXPECT_GE(run.free_fast_blocks, 1u);
}

// Where heat is steady it moves little, whatever it moves back.
TEST(Policies, OnlineHardlyMovesWhereHeatIsSteady) {
  EXPECT_EQ(run_policy("online", "dense", Shape{}).totals.moves, 0u);
  for (const char* workload : {"moe", "zipf"}) {
    const auto online = run_policy("online", workload, Shape{}).totals;
    EXPECT_LT(online.moves, online.blocks_read / 50) << workload;
    for (const char* name : {"lru", "tpp", "memtis"}) {
      EXPECT_LT(2 * online.back_and_forth,
                run_policy(name, workload, Shape{}).totals.back_and_forth)
          << workload << " " << name;
    }
  }
}

// What the project promises of its own policies, on every synthetic workload: docs/simulator.md.
TEST(Policies, TerracesOwnAreNearTheOptimumWhereHeatIsSteady) {
  for (const char* workload : {"dense", "moe", "zipf"}) {
    for (const char* name : {"plan", "online"}) {
      const auto run = run_policy(name, workload, Shape{});
      EXPECT_LT(run.totals.step_seconds(), 1.05 * run.bound_step_seconds) << workload << name;
    }
  }
}

TEST(Policies, OnlineStripesAScan) {
  const auto run = run_policy("online", "dense", Shape{});
  EXPECT_LT(run.totals.step_seconds(), 1.05 * run.bound_step_seconds);
}

}  // namespace
}  // namespace terrace::policy::policies_test
