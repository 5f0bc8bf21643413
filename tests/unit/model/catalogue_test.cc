// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/temporary_folder.h"
#include "tests/unit/model/catalogue_fixture.h"
#include "tiering/model/catalogue_readers.h"

namespace terrace::model::catalogue_test {
namespace {

using fixture::shipped_catalogue;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing_support::TemporaryFolder;

constexpr const char* kTier = R"([[tier]]
name = "fast"
kind = "hbm"
unit = "stack"
source = "a data sheet"
read_bandwidth_gbps = { value = 100, kind = "nominal" }
capacity_gib = { value = 16, kind = "nominal" }
)";

constexpr const char* kMachine = R"([[machine]]
name = "box"
kernel_class = "cpu"
[[machine.tier]]
name = "main"
tier = "fast"
units = 2
)";

constexpr const char* kModel = R"([[model]]
name = "tiny"
source = "nobody"
parameters = { value = 1480, kind = "derived" }
layers = 2
hidden = 8
heads = 2
ffn = 16
vocab = 10
)";

void expect_tier_refused(const std::string& added, const std::string& place, const char* reason) {
  const auto tiers = parse_tiers(kTier + added, "t.toml");
  ASSERT_FALSE(tiers.ok()) << reason;
  EXPECT_EQ(tiers.error().code, ErrorCode::kUsage);
  EXPECT_THAT(tiers.error().message, AllOf(StartsWith("t.toml:" + place), HasSubstr(reason)));
}

void expect_machine_refused(const std::string& text, const char* reason) {
  const auto machines = parse_machines(text, "m.toml", *parse_tiers(kTier, "t.toml"));
  ASSERT_FALSE(machines.ok()) << reason;
  EXPECT_THAT(machines.error().message, AllOf(StartsWith("m.toml:"), HasSubstr(reason)));
}

void expect_model_refused(const std::string& text, const std::string& place, const char* reason) {
  const auto models = parse_models(text, "l.toml");
  ASSERT_FALSE(models.ok()) << reason;
  EXPECT_THAT(models.error().message, AllOf(StartsWith("l.toml:" + place), HasSubstr(reason)));
}

std::vector<const Figure*> figures_of(const TierModel& tier) {
  std::vector<const Figure*> all;
  for (const auto* figure :
       {&tier.read_bandwidth_gbps, &tier.mixed_bandwidth_gbps, &tier.write_bandwidth_gbps,
        &tier.achieved_share, &tier.idle_latency_ns, &tier.capacity_gib, &tier.power_w,
        &tier.price_usd}) {
    if (figure->has_value()) all.push_back(&**figure);
  }
  return all;
}

TEST(Catalogue, EveryFigureSaysItsSource) {
  for (const TierModel& tier : shipped_catalogue().tiers) {
    for (const Figure* figure : figures_of(tier)) EXPECT_FALSE(figure->source.empty()) << tier.name;
    EXPECT_TRUE(!tier.curve || !tier.curve_source.empty()) << tier.name;
    EXPECT_TRUE(tier.capacity_gib || tier.name == "ddr5-graviton3") << tier.name;
    EXPECT_GT(tier.bandwidth(1).value, 0) << tier.name;
  }
  for (const MachineModel& machine : shipped_catalogue().machines) {
    for (const Compute& one : machine.compute) EXPECT_FALSE(one.tflops.source.empty());
    EXPECT_TRUE(!machine.link || !machine.link->gbps.source.empty()) << machine.name;
    for (const MachineTier& tier : machine.tiers) {
      EXPECT_GT(tier.capacity().value, 0u) << machine.name << " " << tier.name;
    }
  }
}

TEST(Catalogue, HoldsTheMachinesThatTheAnalysisNames) {
  for (const char* name : {"xeon-max-flat",
                           "xeon-max-flat-2s",
                           "xeon-max-hbm-only",
                           "xeon-8460y+",
                           "xeon-6980p",
                           "xeon-6980p-mrdimm",
                           "epyc-9654",
                           "grace",
                           "gh200",
                           "gb200",
                           "gb200-nvl72",
                           "h100-sxm",
                           "h100-pcie",
                           "h200",
                           "b200",
                           "mi300x",
                           "rtx-4090",
                           "rtx-3090",
                           "m1-max",
                           "m2-ultra",
                           "m2-pro",
                           "m2-pro-cpu",
                           "ai-pc",
                           "phone",
                           "xeon-6454s-2s-4090"}) {
    EXPECT_TRUE(shipped_catalogue().find_machine(name).ok()) << name;
  }
}

TEST(Catalogue, MeasuredCurvesGiveTheMeasuredBandwidths) {
  const auto tier = [](const char* name) { return *shipped_catalogue().find_tier(name); };
  EXPECT_DOUBLE_EQ(tier("ddr5-4800x8-xeon-8460y")->bandwidth(1).value, 267.4);
  EXPECT_DOUBLE_EQ(tier("ddr5-4800x8-xeon-8460y")->bandwidth(0.5).value, 236.6);
  EXPECT_DOUBLE_EQ(tier("hbm2e-xeon-max-9480")->bandwidth(0.5).value, 833.4);
  EXPECT_DOUBLE_EQ(tier("lpddr5x-grace")->bandwidth(1).value, 442.1);
  EXPECT_NEAR(tier("ddr5-4800-channel")->bandwidth(1).value * 8, 267.4, 0.2);
  EXPECT_DOUBLE_EQ(tier("cxl-x8-e3s-96g")->bandwidth(1).value, 17.8);
  EXPECT_DOUBLE_EQ(tier("cxl-x8-e3s-96g")->bandwidth(0.5).value, 27.2);
  EXPECT_EQ(tier("ddr5-4800x8-xeon-8460y")->bandwidth_kind(), FigureKind::kMeasured);
  EXPECT_EQ(tier("ddr5-4800-channel")->bandwidth_kind(), FigureKind::kDerived);
  EXPECT_EQ(tier("hbm3-h100-sxm")->bandwidth_kind(), FigureKind::kNominal);
}

TEST(Catalogue, ExpandersAreACount) {
  const auto bare = shipped_catalogue().find_machine("xeon-8460y+");
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare->tier("cxl"), nullptr);
  const auto four = shipped_catalogue().find_machine("xeon-8460y+:cxl=4");
  ASSERT_TRUE(four.ok()) << four.error().message;
  ASSERT_NE(four->tier("cxl"), nullptr);
  EXPECT_DOUBLE_EQ(four->tier("cxl")->bandwidth(1).value, 4 * 17.8);
  EXPECT_EQ(four->tier("cxl")->capacity(), GiB(4 * 96));
  EXPECT_EQ(four->tiers.back().name, "cxl");
  const auto none = with_units(*four, "cxl", 0);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->tier("cxl"), nullptr);
  for (const char* name : {"xeon-6980p:cxl=8", "xeon-6980p-mrdimm:cxl=1", "epyc-9654:cxl=8"}) {
    EXPECT_TRUE(shipped_catalogue().find_machine(name).ok()) << name;
  }
}

TEST(Catalogue, ACountOutOfBoundsOrOfNoTierIsRefused) {
  const auto error = [](const char* name) {
    const auto machine = shipped_catalogue().find_machine(name);
    EXPECT_FALSE(machine.ok()) << name;
    return std::string(machine.ok() ? "" : machine.error().message);
  };
  EXPECT_THAT(error("xeon-8460y+:cxl=9"), HasSubstr("give 0 to 8"));
  EXPECT_THAT(error("xeon-8460y+:cxk=1"), HasSubstr("did you mean \"cxl\"?"));
  EXPECT_THAT(error("xeon-8460y+:cxl"), HasSubstr("no TIER=COUNT"));
  EXPECT_THAT(error("xeon-8460y+:cxl=-1"), HasSubstr("no TIER=COUNT"));
  EXPECT_THAT(error("xeon-8460y+:ddr5=0"), HasSubstr("give 1 to 1"));
  EXPECT_THAT(error("xeon-8460z+"), HasSubstr("did you mean \"xeon-8460y+\"?"));
}

TEST(Catalogue, AUsersFolderAddsAndReplaces) {
  TemporaryFolder folder;
  folder.write("tiers/mine.toml", kTier);
  folder.write("machines/mine.toml", kMachine);
  folder.write("models/mine.toml", std::string(kModel) +
                                       "[[model]]\nname = \"magic-7b\"\nsize_only = true\n"
                                       "source = \"us\"\nparameters = { value = 7.5e9, kind = "
                                       "\"measured\" }\n");
  const auto both = load_catalogue({TERRACE_CATALOGUE_FOLDER, folder.path()});
  ASSERT_TRUE(both.ok()) << both.error().message;
  EXPECT_EQ(both->models.size(), shipped_catalogue().models.size() + 1);
  EXPECT_EQ((*both->find_model("magic-7b"))->parameters.value, 7.5e9);
  EXPECT_DOUBLE_EQ(both->find_machine("box")->tier("main")->bandwidth(1).value, 200);
  EXPECT_TRUE(both->find_machine("xeon-max-flat").ok());
}

TEST(Catalogue, AFolderThatIsNotThereOrRepeatsANameIsRefused) {
  EXPECT_EQ(load_catalogue("/nonexistent").error().code, ErrorCode::kIo);
  TemporaryFolder folder;
  folder.write("tiers/a.toml", kTier);
  folder.write("tiers/b.toml", kTier);
  const auto twice = load_catalogue(folder.path());
  ASSERT_FALSE(twice.ok());
  EXPECT_THAT(twice.error().message, HasSubstr("\"fast\" is defined at"));
}

TEST(Catalogue, IsFoundBesideAnExecutableAndUnderAPrefix) {
  TemporaryFolder folder;
  folder.write("bin/terrace", "");
  folder.write("share/terrace/catalogue/models/a.toml", kModel);
  EXPECT_EQ(*find_catalogue_folder(folder.path() + "/bin"),
            folder.path() + "/share/terrace/catalogue");
  folder.write("build/catalogue/models/a.toml", kModel);
  EXPECT_EQ(*find_catalogue_folder(folder.path() + "/build"), folder.path() + "/build/catalogue");
  EXPECT_EQ(find_catalogue_folder("/nonexistent/bin").error().code, ErrorCode::kIo);
}

TEST(Catalogue, TheBuildTreeHasTheWholeOne) {
  const auto folder = find_catalogue_folder(TERRACE_BUILD_FOLDER);
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  const auto loaded = load_catalogue(*folder);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_EQ(loaded->machines.size(), shipped_catalogue().machines.size());
}

TEST(Catalogue, BadTiersAreRefusedWithTheirLine) {
  expect_tier_refused("bandwith = 3\n", "8: ", "unknown key \"bandwith\"");
  expect_tier_refused("power_w = { value = -1, kind = \"nominal\" }\n", "8: ", "0 or more");
  expect_tier_refused("power_w = { value = 1, kind = \"guessed\" }\n", "8: ", "measured, nominal");
  expect_tier_refused("power_w = 3\n", "8: ", "takes a table");
  expect_tier_refused("power_w = { value = inf, kind = \"nominal\" }\n", "8: ", "finite");
  expect_tier_refused("achieved_share = { value = 1.5, kind = \"derived\" }\n", "8: ", "1 at most");
  expect_tier_refused("[[tier.curve]]\nread_share = 1\npoints = [[0, 100], [50, 90]]\n",
                      "8: ", "latency falls");
  expect_tier_refused("[[tier.curve]]\nread_share = 1\npoints = [[0, 100], [50]]\n",
                      "10: ", "takes pairs");
  expect_tier_refused("[[tier.curve]]\npoints = []\n", "8: ", "\"read_share\" is missing");
  expect_tier_refused("x = \n", "8: ", "not valid TOML");
  expect_tier_refused("[[teir]]\n", "8: ", "did you mean \"tier\"?");
  expect_tier_refused("[[tier]]\nname = \"b\"\nkind = \"hmb\"\n", "10: ", "did you mean \"hbm\"?");
  expect_tier_refused("[[tier]]\nname = \"b\"\nkind = \"hbm\"\nunit = \"x\"\n",
                      "8: ", "\"read_bandwidth_gbps\" is missing");
}

TEST(Catalogue, BadMachinesAreRefused) {
  const std::string box = kMachine;
  EXPECT_TRUE(parse_machines(box, "m.toml", *parse_tiers(kTier, "t.toml")).ok());
  expect_machine_refused(box + "max_units = 1\n", "between min_units and max_units");
  expect_machine_refused(box + "owner = \"me\"\n", "host or accelerator");
  expect_machine_refused(box + "[[machine.tier]]\nname = \"main\"\ntier = \"fast\"\n",
                         "given twice");
  expect_machine_refused(box + "[[machine.tier]]\nname = \"b\"\ntier = \"fasd\"\n",
                         "did you mean \"fast\"?");
  expect_machine_refused(box + "[[machine.compute]]\nprecision = \"bf17\"\n",
                         "did you mean \"bf16\"?");
  expect_machine_refused(box + "[[machine.compute]]\nprecision = \"bf16\"\n",
                         "\"tflops\" is missing");
  expect_machine_refused(box + "[machine.link]\nname = \"x\"\n", "\"gbps\" is missing");
  expect_machine_refused("[[machine]]\nname = \"box\"\nkernel_class = \"cpu\"\n", "no memory");
}

TEST(Catalogue, BadModelsAreRefused) {
  const std::string tiny = kModel;
  ASSERT_TRUE(parse_models(tiny, "l.toml").ok()) << parse_models(tiny, "l.toml").error().message;
  expect_model_refused(tiny + "heads_per_layer = [2]\n", "10: ", "give one for each");
  expect_model_refused(tiny + "tied = true\n", "1: ", "correct the one that is wrong");
  expect_model_refused(tiny + "tied = 1\n", "10: ", "true or false");
  expect_model_refused(tiny + "kv_heads = -2\n", "10: ", "0 or more");
  expect_model_refused(tiny + "[model.window]\nglobal_every = 2\n", "10: ", "\"tokens\"");
  expect_model_refused(tiny + "[model.mixture]\nexperts = 2\n", "1: ", "active_experts = 0");
  expect_model_refused(tiny + "[model.mixture]\nexprts = 2\n", "11: ", "did you mean \"experts\"?");
  expect_model_refused("[[model]]\nname = \"a b\"\n", "2: ", "letters, digits");
  expect_model_refused("[[model]]\nname = \"a\"\n", "1: ", "\"source\" is missing");
}

}  // namespace
}  // namespace terrace::model::catalogue_test
