// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::cli::verify_test {
namespace {

using ::testing::HasSubstr;

std::vector<Tier> two_tiers() {
  std::vector<Tier> tiers(2);
  tiers[0].name = "dram";
  tiers[1].name = "slow";
  tiers[1].backing = BackingKind::kEmulatedLink;
  return tiers;
}

class VerifyPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    plan_.machine_id = heat_.machine_id = "0123456789abcdef";
    plan_.tiers = heat_.tiers = two_tiers();
    plan_.planned.step_seconds = 0.100;
    heat_.step_seconds = 0.110;
    plan::PlannedObject planned;
    planned.key = {7, 4u << 21, 0, Origin::kHeap};
    planned.block_tiers = {0, 0, 0, 1};
    plan_.objects.push_back(planned);
    heat::ObjectHeat found;
    found.key = planned.key;
    found.block_tiers = {0, 0, 1, 1};
    heat_.objects.push_back(found);
  }
  std::string error() const {
    const auto verdict = verify_plan(plan_, heat_, 0.15);
    return verdict.ok() ? "no error" : verdict.error().message;
  }

  plan::Plan plan_;
  heat::HeatMap heat_;
};

TEST_F(VerifyPlan, HoldsWithinTheMarginAndNotBeyond) {
  const auto within = verify_plan(plan_, heat_, 0.15);
  ASSERT_TRUE(within.ok()) << within.error().message;
  EXPECT_TRUE(within->holds);
  EXPECT_NEAR(within->difference, 0.10, 1e-9);
  EXPECT_FALSE(verify_plan(plan_, heat_, 0.05)->holds);

  heat_.step_seconds = 0.080;  // faster than predicted is as wrong as slower
  EXPECT_NEAR(verify_plan(plan_, heat_, 0.15)->difference, -0.20, 1e-9);
  EXPECT_FALSE(verify_plan(plan_, heat_, 0.15)->holds);
}

TEST_F(VerifyPlan, CountsBlocksThatLieAsPlanned) {
  const auto verdict = verify_plan(plan_, heat_, 0.15);
  EXPECT_EQ(verdict->objects_in_plan, 1u);
  EXPECT_EQ(verdict->objects_found, 1u);
  EXPECT_DOUBLE_EQ(verdict->block_share_as_planned, 0.75);
}

TEST_F(VerifyPlan, RefusesAnotherMachine) {
  heat_.machine_id = "fedcba9876543210";
  EXPECT_THAT(error(), HasSubstr("session of machine fedcba9876543210"));
  EXPECT_EQ(verify_plan(plan_, heat_, 0.15).error().code, ErrorCode::kUsage);
}

TEST_F(VerifyPlan, RefusesOtherTiers) {
  heat_.tiers[1].name = "cxl";
  EXPECT_THAT(error(), HasSubstr("tier 1 is slow in the plan and cxl in the session"));
  heat_.tiers.pop_back();
  EXPECT_THAT(error(), HasSubstr("2 tiers, the session 1"));
}

TEST_F(VerifyPlan, RefusesAnotherProgram) {
  heat_.objects[0].key.site_hash = 8;
  EXPECT_THAT(error(), HasSubstr("none of the plan's 1 object is in"));
}

TEST_F(VerifyPlan, NeedsAPredictedStep) {
  plan_.per_second = true;
  EXPECT_THAT(error(), HasSubstr("predicts no step"));
  EXPECT_EQ(verify_plan(plan_, heat_, 0.15).error().code, ErrorCode::kCapabilityMissing);
}

TEST_F(VerifyPlan, NeedsAStep) {
  heat_.step_seconds = 0;
  EXPECT_THAT(error(), HasSubstr("holds no step"));
  EXPECT_EQ(verify_plan(plan_, heat_, 0.15).error().code, ErrorCode::kCapabilityMissing);
}

}  // namespace
}  // namespace terrace::cli::verify_test
