// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/plan_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"
#include "tests/unit/plan/plan_fixture.h"

namespace terrace::plan::plan_json_test {
namespace {

using testing::HasSubstr;

struct PlanJson : testing::Test {
  std::string text = plan_to_json(fixture::small_plan());

  void replace(const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  }

  void expect_refused(const std::vector<std::string>& parts) {
    const auto plan = plan_from_json(text, "p.json");
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, ErrorCode::kUsage);
    EXPECT_THAT(plan.error().message, HasSubstr("p.json: "));
    for (const auto& part : parts) EXPECT_THAT(plan.error().message, HasSubstr(part));
  }
};

TEST_F(PlanJson, ComesBackTheSame) {
  const auto plan = plan_from_json(text, "p.json");
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan_to_json(*plan), text);
  const Plan expected = fixture::small_plan();
  EXPECT_EQ(plan->recorded_step_seconds, expected.recorded_step_seconds);
  EXPECT_EQ(plan->emulated, true);
  EXPECT_EQ(plan->notes, expected.notes);
  ASSERT_EQ(plan->objects.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(plan->objects[i].key, expected.objects[i].key);
    EXPECT_EQ(plan->objects[i].shares, expected.objects[i].shares);
    EXPECT_EQ(plan->objects[i].block_tiers, expected.objects[i].block_tiers);
  }
  ASSERT_EQ(plan->tiers.size(), 2u);
  EXPECT_EQ(plan->tiers[1].nodes, expected.tiers[1].nodes);
  EXPECT_EQ(plan->tiers[1].idle_latency.value, Nanoseconds(400));
  EXPECT_EQ(plan->tiers[1].idle_latency.from, Provenance::kHmat);
  EXPECT_EQ(plan->tiers[1].backing, BackingKind::kEmulatedLink);
  EXPECT_EQ(plan->weighted.tier_busy_seconds, expected.weighted.tier_busy_seconds);
}

TEST_F(PlanJson, ADaxTierKeepsItsPath) {
  Plan plan = fixture::small_plan();
  plan.tiers[1].backing = BackingKind::kDax;
  plan.tiers[1].path = "/dev/dax0.0";
  plan.tiers[1].mapping_unit = KiB(4);
  plan.tiers[1].nodes.clear();
  plan.tiers[1].capacity.from = Provenance::kCdat;
  const std::string written = plan_to_json(plan);
  const auto read = plan_from_json(written, "p.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(plan_to_json(*read), written);
  EXPECT_EQ(read->tiers[1].path, "/dev/dax0.0");
  EXPECT_EQ(read->tiers[1].mapping_unit, KiB(4));
  EXPECT_EQ(read->tiers[1].capacity.from, Provenance::kCdat);
}

TEST_F(PlanJson, KeepsRulesAndMoves) {
  const Plan plan = fixture::moved_plan();
  const std::string written = plan_to_json(plan);
  EXPECT_THAT(written, HasSubstr("\"gain_seconds\": 9.99"));
  const auto read = plan_from_json(written, "p.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(plan_to_json(*read), written);
  EXPECT_EQ(read->rules, plan.rules);
  ASSERT_TRUE(read->moves);
  EXPECT_EQ(read->moves->bytes, 6u << 20);
}

TEST_F(PlanJson, RefusesMovesWhoseGainIsNoFiniteNumber) {
  Plan plan = fixture::moved_plan();
  plan.moves->present.step_seconds = 1e-300;
  text = plan_to_json(plan);
  EXPECT_TRUE(plan_from_json(text, "p.json").ok());
  replace("\"horizon_seconds\": 60.0", "\"horizon_seconds\": 1e308");
  expect_refused({"/moves/horizon_seconds", "gain"});
}

TEST_F(PlanJson, RefusesARuleOfAnUnknownKind) {
  Plan plan = fixture::small_plan();
  plan.rules = {{RuleKind::kPin, "weights", "ddr"}};
  text = plan_to_json(plan);
  replace("\"rule\": \"pin\"", "\"rule\": \"pine\"");
  expect_refused({"/rules/0/rule", "pine"});
}

TEST_F(PlanJson, SurvivesTheFile) {
  const testing_support::TemporaryFolder folder;
  const auto plan = read_plan(folder.write("plan.json", text));
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan_to_json(*plan), text);
}

TEST_F(PlanJson, WritesBlockMapsAsRuns) {
  EXPECT_EQ(encode_block_map({0, 0, 0, 0, 1, 0, 2, 2}), "0*4 1 0 2*2");
  EXPECT_EQ(encode_block_map({}), "");
}

TEST_F(PlanJson, ReplacesBytesThatAreNoText) {
  Plan plan = fixture::small_plan();
  plan.objects[0].label = "caf\xe9";
  EXPECT_TRUE(plan_from_json(plan_to_json(plan), "p.json").ok());
}

TEST_F(PlanJson, SaysWhichFileIsMissing) {
  const auto plan = read_plan("/nonexistent/plan.json");
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().code, ErrorCode::kIo);
  EXPECT_THAT(plan.error().message, HasSubstr("/nonexistent/plan.json"));
  EXPECT_THAT(plan.error().message, HasSubstr("terrace plan"));
  const auto folder = read_plan("/tmp");
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().code, ErrorCode::kIo);
}

TEST_F(PlanJson, RefusesWhatIsNoJson) {
  text = "{\"schema_version\": 1,";
  expect_refused({"not JSON", "line 1"});
}
TEST_F(PlanJson, RefusesNumbersBeyondDouble) {
  replace("0.031", "1e999");
  expect_refused({"not JSON"});
}
TEST_F(PlanJson, RefusesAnotherSchemaVersionBeforeItsKeys) {
  replace("\"schema_version\": 1", "\"schema_version\": 2, \"new\": 1");
  expect_refused({"/schema_version", "is 2, this Terrace reads 1"});
}
TEST_F(PlanJson, RefusesUnknownKeysWithTheNearest) {
  replace("\"ordinal\"", "\"ordnial\"");
  expect_refused({"/objects/0", "unknown key 'ordnial'", "did you mean 'ordinal'?"});
}
TEST_F(PlanJson, RefusesMissingKeys) {
  replace("\"executable\": \"/usr/bin/engine\",", "");
  expect_refused({"'executable' is missing"});
}
TEST_F(PlanJson, RefusesMistypedValues) {
  replace("\"emulated\": true", "\"emulated\": \"yes\"");
  expect_refused({"/emulated", "is string, must be true or false"});
}
TEST_F(PlanJson, RefusesSizesThatAreNegativeOrBroken) {
  replace("\"size_bytes\": 10485760", "\"size_bytes\": -10485760");
  expect_refused({"/objects/0/size_bytes", "whole number"});
}
TEST_F(PlanJson, RefusesSizesThatNoMachineHas) {
  replace("\"size_bytes\": 10485760", "\"size_bytes\": 9223372036854775807");
  expect_refused({"/objects/0/size_bytes", "too large"});
}
TEST_F(PlanJson, RefusesSharesAboveOneNegativeOrNotSumming) {
  replace("0.6,\n        0.4", "1.6,\n        0.4");
  expect_refused({"/objects/0/shares", "above 1"});
  text = plan_to_json(fixture::small_plan());
  replace("0.6,\n        0.4", "1.0,\n        -0.4");
  expect_refused({"/objects/0/shares/1", "negative"});
  text = plan_to_json(fixture::small_plan());
  replace("0.6,\n        0.4", "0.3,\n        0.4");
  expect_refused({"/objects/0/shares", "must sum to 1"});
}
TEST_F(PlanJson, RefusesSharesBesideTheBlocks) {
  replace("0.6,\n        0.4", "0.4,\n        0.6");
  expect_refused({"/objects/0/shares", "'blocks' gives it 0.6"});
}
TEST_F(PlanJson, RefusesMapsOfTheWrongLength) {
  replace("0*2 1 0 1", "0*2 1 0");
  expect_refused({"/objects/0/blocks", "maps 4 blocks, the object has 5"});
  replace("0*2 1 0", "0*99999999999999");
  expect_refused({"/objects/0/blocks", "longer than the object's 5 blocks"});
}
TEST_F(PlanJson, RefusesUnreadableRuns) {
  for (const char* bad : {"0*2 x", "0*", "0*0 1*5", "*5", "0**5", "-1*5", "0*2,1", " 0*5"}) {
    text = plan_to_json(fixture::small_plan());
    replace("0*2 1 0 1", bad);
    const auto plan = plan_from_json(text, "p.json");
    ASSERT_FALSE(plan.ok()) << bad;
    EXPECT_THAT(plan.error().message, HasSubstr("/objects/0/blocks")) << bad;
  }
}
TEST_F(PlanJson, RefusesTiersOutOfRange) {
  replace("0*2 1 0 1", "0*2 1 0 2");
  expect_refused({"/objects/0/blocks", "tier 2 at letter 8 is not among the 2 tiers"});
}
TEST_F(PlanJson, RefusesUnknownWords) {
  replace("\"kind\": \"cxl\"", "\"kind\": \"cxi\"");
  expect_refused({"/tiers/1/kind", "unknown word 'cxi'", "did you mean 'cxl'?"});
}
TEST_F(PlanJson, RefusesTwoTiersOfOneName) {
  replace("\"name\": \"cxl\"", "\"name\": \"ddr\"");
  expect_refused({"/tiers/1/name", "names must differ"});
}
TEST_F(PlanJson, RefusesASiteThatIsNoHash) {
  replace("00ab12cd34ef5678", "00ab12cd34ef567g");
  expect_refused({"/objects/0/site", "16 hexadecimal digits"});
}
TEST_F(PlanJson, RefusesPredictionsForOtherTiers) {
  replace("0.029,\n        0.0", "0.029");
  expect_refused({"/predictions/all_fast/tier_busy_seconds"});
}
TEST_F(PlanJson, RefusesOtherShapesThanAnObject) {
  for (const char* bad : {"[]", "null", "3", "\"x\"", "{}", "{\"schema_version\":[]}"}) {
    EXPECT_FALSE(plan_from_json(bad, "p.json").ok()) << bad;
  }
}
TEST_F(PlanJson, RefusesDeepNesting) {
  EXPECT_FALSE(plan_from_json(std::string(200000, '['), "p.json").ok());
  EXPECT_FALSE(plan_from_json(std::string(200000, '[') + std::string(200000, ']'), "p.json").ok());
}

}  // namespace
}  // namespace terrace::plan::plan_json_test
