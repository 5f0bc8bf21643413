// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::cli::plan_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

plan::Plan plan_of(std::size_t objects) {
  plan::Plan plan;
  plan.machine_id = "0123456789abcdef";
  plan.tiers.resize(2);
  plan.tiers[0].name = "dram";
  plan.tiers[1].name = "slow";
  for (std::size_t i = 0; i < objects; ++i) {
    plan::PlannedObject object;
    object.label = "object-" + std::to_string(i);
    object.key.size_bytes = GiB(1).value;
    object.shares = {0.8, 0.2};
    plan.objects.push_back(object);
  }
  plan.planned.step_seconds = 0.050;
  plan.first_touch.step_seconds = 0.080;
  return plan;
}

TEST(PlanText, ShowsSharesAndWhatOtherPlacementsWouldCost) {
  const std::string text = plan_as_text(plan_of(1));
  EXPECT_THAT(text, HasSubstr("object-0  1.00 GiB"));
  EXPECT_THAT(text, HasSubstr("80.0 %  20.0 %"));
  EXPECT_THAT(text, HasSubstr("20.00"));  // steps a second
  EXPECT_THAT(text, HasSubstr("1.60"));   // first touch takes so many times as long
  EXPECT_THAT(text, Not(HasSubstr("bound"))) << "what was not predicted is not shown";
}

TEST(PlanText, SaysEmulatedWhenATierIs) {
  plan::Plan plan = plan_of(1);
  EXPECT_THAT(plan_as_text(plan), Not(HasSubstr("emulated")));
  plan.emulated = true;
  EXPECT_THAT(plan_as_text(plan), HasSubstr("on emulated tiers"));
}

TEST(PlanText, PassesOnWhatAReaderMustKnow) {
  plan::Plan plan = plan_of(1);
  plan.per_second = true;
  plan.notes = {"the bandwidth is doubtful"};
  EXPECT_THAT(plan_as_text(plan), HasSubstr("No step was found"));
  EXPECT_THAT(plan_as_text(plan), HasSubstr("- the bandwidth is doubtful\n"));
}

TEST(PlanText, SaysWhatTheWayFromThePresentPlanCostsAndGains) {
  plan::Plan plan = plan_of(1);
  plan.moves = plan::Moves{"old.json", 60, {0.100, 0.05, {}}, GiB(2).value, 1.5};
  EXPECT_THAT(plan_as_text(plan),
              HasSubstr("From old.json: 2.00 GiB move and take 1.5 s; within 60 "
                        "s the plan gains 28.5 s over that.\n"));
  EXPECT_THAT(plan_as_text(plan), HasSubstr("present placement"));
  plan.moves->bytes = 0;
  EXPECT_THAT(plan_as_text(plan), HasSubstr("Nothing moves away from old.json"));
}

TEST(PlanText, NamesTheRules) {
  plan::Plan plan = plan_of(1);
  EXPECT_THAT(plan_as_text(plan), Not(HasSubstr("rules")));
  plan.rules = {{plan::RuleKind::kPin, "weights*", "dram"},
                {plan::RuleKind::kForbid, "origin:heap", "slow"}};
  EXPECT_THAT(plan_as_text(plan), HasSubstr("rules: pin weights*=dram, forbid origin:heap=slow\n"));
}

TEST(PlanText, SumsUpWhatDoesNotFit) {
  const std::string text = plan_as_text(plan_of(23));
  EXPECT_THAT(text, HasSubstr("object-19"));
  EXPECT_THAT(text, Not(HasSubstr("object-20")));
  EXPECT_THAT(text, HasSubstr("and 3 more objects"));
}

}  // namespace
}  // namespace terrace::cli::plan_text_test
