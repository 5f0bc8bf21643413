// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/placement_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"
#include "tiering/plan/planner.h"

namespace terrace::plan::placement_rules_test {
namespace {

using fixture::kBlock;
using testing::HasSubstr;

// A hot object, a cold one and a file over three tiers.
struct Rules : testing::Test {
  Topology machine =
      fixture::make_machine({fixture::make_tier("hbm", 10, 40), fixture::make_tier("dram", 20, 10),
                             fixture::make_tier("cxl", 40, 2)});
  heat::HeatMap heat = fixture::make_heat(machine, 0.01);
  PlannerOptions options;

  Rules() {
    heat.objects.push_back(fixture::make_object(1, std::vector<double>(10, kBlock), 0.01));
    heat.objects.push_back(fixture::make_object(2, std::vector<double>(12, kBlock / 2), 0.01));
    heat.objects.push_back(fixture::make_object(3, std::vector<double>(12, 0.0), 0.01));
    heat.objects[2].key.origin = Origin::kFile;
    heat.objects[2].path = "/models/m.gguf";
  }

  std::vector<std::uint64_t> blocks_of(std::size_t object) {
    const auto plan = make_plan(heat, machine, options);
    EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().message);
    if (!plan.ok()) return {};
    return fixture::blocks_by_tier({plan->objects[object].block_tiers}, 3);
  }
  void expect_refused(ErrorCode code, const std::vector<const char*>& parts) {
    const auto plan = make_plan(heat, machine, options);
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.error().code, code);
    for (const char* part : parts) EXPECT_THAT(plan.error().message, HasSubstr(part));
  }
};

using Blocks = std::vector<std::uint64_t>;

TEST_F(Rules, APinnedObjectLiesOnItsTierAlone) {
  options.rules = {{RuleKind::kPin, "object-1", "cxl"}};
  EXPECT_EQ(blocks_of(0), (Blocks{0, 0, 10}));
}
TEST_F(Rules, AForbiddenTierHoldsNothingOfTheObject) {
  options.rules = {{RuleKind::kForbid, "object-?", "hbm"}};
  for (std::size_t o = 0; o < 3; ++o) EXPECT_EQ(blocks_of(o)[0], 0u) << o;
}
TEST_F(Rules, AColdPinKeepsItsRoomOnTheFastTier) {
  options.rules = {{RuleKind::kPin, "*/m.gguf", "dram"}};
  EXPECT_EQ(blocks_of(2), (Blocks{0, 12, 0})) << "by path";
  options.rules = {{RuleKind::kPin, "origin:file", "dram"}};
  EXPECT_EQ(blocks_of(2), (Blocks{0, 12, 0})) << "by origin";
  options.rules = {{RuleKind::kPin, "site:0000000000000003", "dram"}};
  EXPECT_EQ(blocks_of(2), (Blocks{0, 12, 0})) << "by site";
}
TEST_F(Rules, TheBoundKeepsToThemToo) {
  const auto free = make_plan(heat, machine, options);
  options.rules = {{RuleKind::kPin, "object-1", "cxl"}};
  const auto pinned = make_plan(heat, machine, options);
  ASSERT_TRUE(free.ok() && pinned.ok());
  EXPECT_GT(pinned->bound.step_seconds, 1.4 * free->bound.step_seconds);
  EXPECT_LE(pinned->bound.step_seconds, pinned->planned.step_seconds * (1 + 1e-9));
  EXPECT_EQ(pinned->rules, options.rules);
}
TEST_F(Rules, AClassWithoutObjectsIsNoted) {
  options.rules = {{RuleKind::kPin, "origin:anonymous", "dram"}};
  const auto plan = make_plan(heat, machine, options);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  ASSERT_EQ(plan->notes.size(), 1u);
  EXPECT_THAT(plan->notes[0], HasSubstr("pin origin:anonymous=dram"));
}

TEST_F(Rules, RefusesAnUnknownTier) {
  options.rules = {{RuleKind::kPin, "object-1", "ddr"}};
  expect_refused(ErrorCode::kUsage, {"pin object-1=ddr", "no tier ddr", "hbm, dram, cxl"});
}
TEST_F(Rules, RefusesANameThatNothingHas) {
  options.rules = {{RuleKind::kForbid, "object-9", "cxl"}};
  expect_refused(ErrorCode::kUsage, {"forbid object-9=cxl", "no object", "terrace report"});
}
TEST_F(Rules, RefusesAnObjectWithoutATier) {
  options.rules = {{RuleKind::kPin, "object-*", "cxl"}, {RuleKind::kForbid, "object-2", "cxl"}};
  expect_refused(ErrorCode::kUsage, {"forbid object-2=cxl", "\"object-2\" no tier", "take one"});
}
TEST_F(Rules, RefusesPinsThatExceedATierAndSaysByHowMuch) {
  options.rules = {{RuleKind::kPin, "object-1", "hbm"}, {RuleKind::kPin, "object-2", "hbm"}};
  expect_refused(ErrorCode::kInfeasible, {"to hbm", "by 24 MiB", "add capacity"});
}
TEST_F(Rules, RefusesForbiddenTiersThatLeaveTooLittle) {
  options.rules = {{RuleKind::kForbid, "object-*", "cxl"}};
  expect_refused(ErrorCode::kInfeasible, {"to hbm, dram", "by 8 MiB"});
}
TEST_F(Rules, RefusesATierOfZeroBytes) {
  machine.tiers[2].capacity.value = Bytes(0);
  expect_refused(ErrorCode::kUsage, {"tier cxl has 0 usable bytes", "tier file"});
}
TEST_F(Rules, RefusesNegativeHeat) {
  heat.objects[1].block_bytes_per_second[4] = -1;
  expect_refused(ErrorCode::kUsage, {"object-2", "block 4", "-1 bytes", "record"});
}

}  // namespace
}  // namespace terrace::plan::placement_rules_test
