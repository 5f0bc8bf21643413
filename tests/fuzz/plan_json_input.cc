// SPDX-License-Identifier: Apache-2.0
// A plan: an error, or what plan_json.h promises of every plan that it returns.
#include <gtest/gtest.h>

#include "tests/fuzz/inputs.h"
#include "tiering/plan/plan_json.h"

namespace terrace::fuzz {
namespace {

using namespace plan;

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

}  // namespace

int plan_json_input(const std::string& text) {
  const auto plan = plan_from_json(text, "fuzzed.json");
  if (plan.ok()) {
    expect_sound(*plan);
    EXPECT_TRUE(plan_from_json(plan_to_json(*plan), "again.json").ok());
    return 1;
  }
  EXPECT_EQ(plan.error().code, ErrorCode::kUsage);
  EXPECT_NE(plan.error().message[0], '\0');
  return 0;
}

}  // namespace terrace::fuzz
