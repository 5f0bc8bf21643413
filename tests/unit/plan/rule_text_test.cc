// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/rule_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::plan::rule_text_test {
namespace {

using testing::HasSubstr;

TEST(RuleText, ReadsAListOfRules) {
  const auto rules =
      parse_rules(RuleKind::kForbid, "weights*=dram, origin:heap=cxl,site:00ab12cd34ef5678=hbm");
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  const std::vector<PlacementRule> expected{{RuleKind::kForbid, "weights*", "dram"},
                                            {RuleKind::kForbid, "origin:heap", "cxl"},
                                            {RuleKind::kForbid, "site:00ab12cd34ef5678", "hbm"}};
  EXPECT_EQ(*rules, expected);
}

TEST(RuleText, TheLastEqualsSignCountsSinceLabelsMayHoldOne) {
  const auto rules = parse_rules(RuleKind::kPin, "operator==(a)=dram");
  ASSERT_TRUE(rules.ok());
  EXPECT_EQ(rules->front().objects, "operator==(a)");
}

void expect_refused(const char* text, const char* part) {
  const auto rules = parse_rules(RuleKind::kPin, text);
  ASSERT_FALSE(rules.ok()) << text;
  EXPECT_EQ(rules.error().code, ErrorCode::kUsage);
  EXPECT_THAT(rules.error().message, HasSubstr(part));
}

TEST(RuleText, RefusesWhatIsNoRuleAndSaysHowToWriteOne) {
  expect_refused("", "write OBJECTS=TIER");
  expect_refused("weights", "\"weights\" is no rule");
  expect_refused("=dram", "\"=dram\" is no rule");
  expect_refused("weights=", "\"weights=\" is no rule");
  expect_refused("a=dram,,b=cxl", "\"\" is no rule");
  expect_refused("a=dram,", "\"\" is no rule");
  expect_refused("origin:stack=dram", "origins are heap, anonymous and file");
  expect_refused("site:12=dram", "16 hexadecimal digits");
  expect_refused("site:00AB12CD34EF5678=dram", "small letters");
}

}  // namespace
}  // namespace terrace::plan::rule_text_test
