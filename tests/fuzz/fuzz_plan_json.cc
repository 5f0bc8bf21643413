// SPDX-License-Identifier: Apache-2.0
// Damaged plans: the reader must answer with an error or with a plan that the flat writer takes.
// A fixed number of mutations a run; the seed is printed, TERRACE_SEED repeats it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/fuzz/mutate.h"
#include "tests/unit/plan/plan_fixture.h"
#include "tiering/plan/plan_json.h"

namespace terrace::plan {
namespace {

// What plan_json.h promises of every plan that it returns.
void expect_sound(const Plan& plan) {
  for (const PlannedObject& object : plan.objects) {
    ASSERT_EQ(object.block_tiers.size(), blocks_for(Bytes(object.key.size_bytes)));
    ASSERT_EQ(object.shares.size(), plan.tiers.size());
    double sum = 0;
    for (double share : object.shares) sum += share;
    ASSERT_NEAR(sum, 1, 1e-5);
    for (std::uint8_t tier : object.block_tiers) ASSERT_LT(tier, plan.tiers.size());
  }
}

void check(const std::string& text) {
  const auto plan = plan_from_json(text, "fuzzed.json");
  if (plan.ok()) {
    expect_sound(*plan);
    ASSERT_TRUE(plan_from_json(plan_to_json(*plan), "again.json").ok());
  } else {
    ASSERT_EQ(plan.error().code, ErrorCode::kUsage);
    ASSERT_NE(plan.error().message[0], '\0');
  }
}

TEST(FuzzPlanJson, ReadsOrRefusesWhateverIsDamaged) {
  const std::string whole = plan_to_json(fixture::small_plan());
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 4000 && !testing::Test::HasFatalFailure(); ++round) {
    check(mutator.damaged_text(whole));
  }
}

TEST(FuzzPlanJson, RefusesEveryPrefix) {
  const std::string whole = plan_to_json(fixture::small_plan());
  for (std::size_t cut = 0; cut + 2 < whole.size(); ++cut) {
    ASSERT_FALSE(plan_from_json(whole.substr(0, cut), "cut.json").ok()) << cut;
  }
}

}  // namespace
}  // namespace terrace::plan
