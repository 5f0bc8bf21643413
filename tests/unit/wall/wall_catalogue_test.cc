// SPDX-License-Identifier: Apache-2.0
// The wall over the catalogue that comes with Terrace: every model on every machine.
#include "tiering/wall/wall_catalogue.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"
#include "tests/unit/model/catalogue_fixture.h"
#include "tests/unit/model/model_files.h"
#include "tiering/wall/first_token.h"
#include "tiering/wall/points_load.h"
#include "tiering/wall/sweep.h"

namespace terrace::wall::wall_catalogue_test {
namespace {

const WallCatalogue& catalogue() {
  static const Result<WallCatalogue> loaded = WallCatalogue::load({TERRACE_CATALOGUE_FOLDER});
  EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
  return *loaded;
}

TEST(WallCatalogue, EveryModelOnEveryMachineAnswersOrSaysThatItDoesNotFit) {
  std::size_t fitting = 0;
  std::size_t all = 0;
  for (const std::string& model : catalogue().model_names()) {
    for (const char* format : {"f16", "q4_k_m"}) {
      const auto loads = catalogue().find_loads(model, {format, "f16"});
      ASSERT_TRUE(loads.ok()) << model << ": " << loads.error().message;
      for (const std::string& name : catalogue().machine_names()) {
        const auto machine = catalogue().find_machine(name, 0, format);
        ASSERT_TRUE(machine.ok()) << name << ": " << machine.error().message;
        const auto answer = answer_for(catalogue().constants(), *machine, *loads, 4096, 1);
        ASSERT_TRUE(answer.ok()) << model << " on " << name << ": " << answer.error().message;
        ++all;
        if (!answer->fits) {
          EXPECT_GT(answer->needed_bytes, answer->capacity_bytes);
          continue;
        }
        ++fitting;
        const Estimate& speed = answer->tokens_per_second;
        EXPECT_TRUE(std::isfinite(speed.value)) << model << " on " << name;
        EXPECT_GT(speed.value, 0) << model << " on " << name;
        EXPECT_LE(speed.low, speed.value);
        EXPECT_GE(speed.high, speed.value);
        EXPECT_LE(answer->first_token_seconds.low, answer->first_token_seconds.value);
      }
    }
  }
  EXPECT_GT(fitting, all / 2);
  EXPECT_LT(fitting, all);
}

// 4 layers heads head_dim flops for each pair of tokens, 2 for each of 6.98 billion parameters that
// every token passes through, the head being for the last alone (docs/catalogue.md).
TEST(WallCatalogue, ABlockDeepInAPromptCostsTheAttentionOfAllBeforeIt) {
  auto loads = catalogue().find_loads("llama3-8b", {"f16", "f16"});
  auto machine = catalogue().find_machine("gh200", 0, "f16");
  ASSERT_TRUE(loads.ok() && machine.ok());
  const FirstTokenTable table(catalogue().constants(), *machine, *loads);
  const auto growth = table.recompute_growth(512);
  ASSERT_TRUE(growth.ok());
  EXPECT_NEAR(*growth, 512.0 * 4 * 32 * 4096 / (2 * 6.98e9), 0.0005);
  EXPECT_NEAR(table.recompute_growth(128).value(), *growth / 4, *growth / 40);
}

TEST(WallCatalogue, ExpandersAddCapacityAndAreRefusedBeyondTheirSlots) {
  for (const std::string& name : catalogue().machine_names()) {
    const std::uint64_t slots = catalogue().cxl_slots(name);
    const auto without = catalogue().find_machine(name, 0, "f16");
    ASSERT_TRUE(without.ok());
    if (slots > 0) {
      const auto full = catalogue().find_machine(name, slots, "f16");
      ASSERT_TRUE(full.ok()) << name << ": " << full.error().message;
      EXPECT_GT(capacity_of(*full), capacity_of(*without));
    }
    const auto more = catalogue().find_machine(name, slots + 1, "f16");
    ASSERT_FALSE(more.ok()) << name;
    EXPECT_EQ(more.error().code, ErrorCode::kUsage);
  }
}

TEST(WallCatalogue, UnknownNamesGetTheNearest) {
  const auto model = catalogue().find_loads("lama3-8b", {});
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, testing::HasSubstr("llama3-8b"));
  const auto machine = catalogue().find_machine("rtx4090", 0, "f16");
  ASSERT_FALSE(machine.ok());
  EXPECT_THAT(machine.error().message, testing::HasSubstr("rtx-4090"));
  const auto format = catalogue().find_loads("llama3-8b", {"q8_1", "f16"});
  ASSERT_FALSE(format.ok());
  EXPECT_THAT(format.error().message, testing::HasSubstr("q8_0"));
}

TEST(WallCatalogue, AModelFileComesInItsOwnFormats) {
  testing_support::TemporaryFolder folder;
  const std::string path = folder.write("m.gguf", fixture::tiny_model_gguf());
  const auto loads = catalogue().find_loads(path, {"", "f16"});
  ASSERT_TRUE(loads.ok()) << loads.error().message;
  EXPECT_EQ(loads->weight_format, "stored");
  EXPECT_EQ(loads->family, FormatFamily::kPlain);
  const auto load = loads->decode(16, 1);
  ASSERT_TRUE(load.ok());
  // The tied table and one matrix, both in 16 bits.
  EXPECT_DOUBLE_EQ(load->read_of("weights"), 2.0 * (32 * 6 + 32 * 32));
}

TEST(WallCatalogue, BandwidthBoundModelsAreFasterWithExpanders) {
  Ranges ranges{{4096}, {1}, {0, 4}};
  const auto swept = sweep(catalogue(), {"xeon-8460y+", "llama3-8b", {"f16", "f16"}, ranges});
  ASSERT_TRUE(swept.ok()) << swept.error().message;
  const double without = swept->variants[0].answers[0].tokens_per_second.value;
  EXPECT_GT(swept->variants[1].answers[0].tokens_per_second.value, without);
}

TEST(WallCatalogue, SpeedFallsWithContextAndMemoryGrows) {
  Ranges ranges{{4096, 8192, 16384, 32768}, {1}, {0}};
  const auto swept = sweep(catalogue(), {"m2-ultra", "llama3-8b", {"f16", "f16"}, ranges});
  ASSERT_TRUE(swept.ok());
  const std::vector<Answer>& answers = swept->variants[0].answers;
  for (std::size_t i = 1; i < answers.size(); ++i) {
    EXPECT_LT(answers[i].tokens_per_second.value, answers[i - 1].tokens_per_second.value);
    EXPECT_GT(answers[i].needed_bytes, answers[i - 1].needed_bytes);
  }
}

TEST(PointsWithLoads, UnknownNamesAndImpossibleSizesHaveTheirLine) {
  PointRow row;
  row.line = 7;
  row.hardware = "RTX 4090";
  row.peak_gbps = 1008;
  row.model = "llama3-8b";
  row.quant = "F16";
  row.tokens_per_second = 50;
  const auto refusal = [&](const PointRow& changed) {
    const auto points = points_with_loads(catalogue(), {changed}, "p.csv");
    return points.ok() ? std::string() : std::string(points.error().message);
  };
  EXPECT_EQ(refusal(row), "");
  PointRow size = row;
  size.file_gib = 4.58;
  EXPECT_THAT(refusal(size), testing::StartsWith("p.csv:7: llama3-8b in F16 takes"));
  PointRow model = row;
  model.model = "lama3-8b";
  EXPECT_THAT(refusal(model), testing::StartsWith("p.csv:7: "));
}

TEST(PointsWithLoads, AKnownCardTakesTheDenseLayersAnUnknownOneLeavesAllToTheCores) {
  PointRow row;
  row.hardware = "Xeon + 4090";
  row.peak_gbps = 307;
  row.model = "deepseek-v3";
  row.quant = "Q4_K_M";
  row.tokens_per_second = 9;
  const auto split = points_with_loads(catalogue(), {row}, "p.csv");
  ASSERT_TRUE(split.ok()) << split.error().message;
  EXPECT_DOUBLE_EQ(split->front().demand.accelerator_peak_gbps, 1008);
  row.hardware = "Xeon + RTX 9999";
  const auto whole = points_with_loads(catalogue(), {row}, "p.csv");
  ASSERT_TRUE(whole.ok());
  EXPECT_GT(decode_seconds({0.8, 0.5, 1e9, 0, 0}, whole->front().demand),
            decode_seconds({0.8, 0.5, 1e9, 0, 0}, split->front().demand));
}

}  // namespace
}  // namespace terrace::wall::wall_catalogue_test
