// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/decode_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/unit/model/catalogue_fixture.h"

namespace terrace::model::decode_load_test {
namespace {

using fixture::shipped_model;
using testing::HasSubstr;

const BlockFormat& f16() {
  return **find_format("f16");
}

Load decode(const char* model, std::uint64_t context, std::uint64_t batch = 1, double skew = 0) {
  const auto load =
      decode_load(shipped_model(model), *find_quantisation("f16"), f16(), {context, batch, {skew}});
  EXPECT_TRUE(load.ok());
  return load ? *load : Load{};
}

Load prompt(const char* model, const PromptPoint& point) {
  const auto load = prompt_load(shipped_model(model), *find_quantisation("f16"), f16(), point);
  EXPECT_TRUE(load.ok());
  return load ? *load : Load{};
}

TEST(DecodeLoad, ReadsAllWeightsButTheInputTable) {
  const Load load = decode("llama3-8b", 0);
  const LanguageModel& model = shipped_model("llama3-8b");
  const double table = 128256.0 * 4096 * 2;
  const double all = weight_bytes(*find_quantisation("f16"), model);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kEmbedding).resident_bytes, table);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kEmbedding).read_bytes, 4096 * 2);
  EXPECT_NEAR(load.of(MemoryClass::kWeight).read_bytes, all - table, 1);
  EXPECT_EQ(load.of(MemoryClass::kExpert).resident_bytes, 0);
  EXPECT_EQ(load.of(MemoryClass::kWeight).written_bytes, 0);
}

TEST(DecodeLoad, ATiedTableIsReadAsTheHead) {
  const Load load = decode("gemma-2b", 0);
  EXPECT_EQ(load.of(MemoryClass::kEmbedding).resident_bytes, 0);
  EXPECT_NEAR(load.of(MemoryClass::kWeight).read_bytes,
              weight_bytes(*find_quantisation("f16"), shipped_model("gemma-2b")), 1);
}

TEST(DecodeLoad, KvGrowsWithContextAndBatch) {
  const Load load = decode("llama3-8b", 1023, 4);
  const ClassLoad& kv = load.of(MemoryClass::kKv);
  EXPECT_DOUBLE_EQ(kv.resident_bytes, 131072.0 * 1024 * 4);
  EXPECT_DOUBLE_EQ(kv.read_bytes, 131072.0 * 1024 * 4);
  EXPECT_DOUBLE_EQ(kv.written_bytes, 131072.0 * 4);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kWeight).read_bytes,
                   decode("llama3-8b", 0).of(MemoryClass::kWeight).read_bytes)
      << "a batch shares its weights";
}

TEST(DecodeLoad, WindowsBoundTheKvOfTheirLayers) {
  const LanguageModel& gemma = shipped_model("gemma2-9b");
  const double layer = kv_bytes_of_layer(gemma, f16(), 0);
  EXPECT_DOUBLE_EQ(kv_bytes(gemma, f16(), 4096), 42 * 4096 * layer);
  EXPECT_DOUBLE_EQ(kv_bytes(gemma, f16(), 8192), 21 * layer * (4096 + 8192));
  EXPECT_DOUBLE_EQ(decode("gemma2-9b", 8191).of(MemoryClass::kKv).read_bytes,
                   21 * layer * (4096 + 8192));
}

TEST(DecodeLoad, QuantisedKvTakesItsBlocksBytes) {
  const LanguageModel& model = shipped_model("llama3-8b");
  EXPECT_DOUBLE_EQ(kv_bytes_per_token(model, **find_format("q8_0")), 131072.0 / 2 * 34 / 32);
}

TEST(DecodeLoad, FlopsAreTwiceTheActiveParametersPlusAttention) {
  const LanguageModel& model = shipped_model("llama3-8b");
  const Load empty = decode("llama3-8b", 0);
  const double pair = 32.0 * 32 * 4 * 128;  // layers, heads, scores and values, width
  EXPECT_NEAR(empty.flops, 2 * active_parameter_count(model) + pair, 1);
  EXPECT_NEAR(decode("llama3-8b", 999).flops - empty.flops, 999 * pair, 1);
  EXPECT_NEAR(decode("llama3-8b", 0, 7).flops, 7 * empty.flops, 10);
}

TEST(DecodeLoad, OneTokenReadsTheExpertsItUses) {
  const Load load = decode("mixtral-8x7b", 0);
  const ClassLoad& experts = load.of(MemoryClass::kExpert);
  EXPECT_NEAR(load.experts_read_per_layer, 2, 1e-9);
  EXPECT_NEAR(experts.read_bytes, experts.resident_bytes / 4, 1);
  EXPECT_DOUBLE_EQ(experts.resident_bytes, 32.0 * 8 * 3 * 4096 * 14336 * 2);
}

TEST(DecodeLoad, ABatchTouchesMoreExpertsAndASkewFewer) {
  const double uniform = decode("mixtral-8x7b", 0, 4).experts_read_per_layer;
  EXPECT_NEAR(uniform, 8 * (1 - 0.75 * 0.75 * 0.75 * 0.75), 1e-9);
  const double skewed = decode("mixtral-8x7b", 0, 4, 1.0).experts_read_per_layer;
  EXPECT_LT(skewed, uniform);
  EXPECT_GT(skewed, 2);
  EXPECT_NEAR(decode("mixtral-8x7b", 0, 1000).experts_read_per_layer, 8, 1e-6);
}

TEST(DecodeLoad, LatentAttentionKeepsOneLatentForAllHeads) {
  const Load load = decode("deepseek-v3", 4095);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kKv).read_bytes, 70272.0 * 4096);
  const double pair = 61.0 * 128 * 2 * (2 * 512 + 64);
  EXPECT_NEAR(load.flops - decode("deepseek-v3", 0).flops, 4095 * pair, 1e6);
}

TEST(DecodeLoad, OfASizeAloneOnlyWeightsAreKnown) {
  const Load load = decode("magic-7b", 1000);
  EXPECT_FALSE(load.kv_known);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kWeight).read_bytes, 14e9);
  EXPECT_EQ(load.of(MemoryClass::kKv).resident_bytes, 0);
  EXPECT_DOUBLE_EQ(load.flops, 14e9);
}

TEST(PromptLoad, ReadsWeightsOnceAndPairsEachTokenWithThoseBefore) {
  const LanguageModel& model = shipped_model("llama3-8b");
  const Load load = prompt("llama3-8b", {100, 1, 0, {}});
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kWeight).read_bytes,
                   decode("llama3-8b", 0).of(MemoryClass::kWeight).read_bytes);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kKv).written_bytes, 131072.0 * 100);
  EXPECT_DOUBLE_EQ(load.of(MemoryClass::kEmbedding).read_bytes, 100 * 4096 * 2);
  const double head = 128256.0 * 4096;
  const double pairs = 100 * 101 / 2;
  EXPECT_NEAR(
      load.flops,
      2 * 100 * (active_parameter_count(model) - head) + 2 * head + pairs * 32 * 32 * 4 * 128, 1e3)
      << "the head gives one token only";
}

TEST(PromptLoad, AReusedPrefixIsReadAndNotComputed) {
  const Load whole = prompt("llama3-8b", {100, 1, 0, {}});
  const Load first = prompt("llama3-8b", {60, 1, 0, {}});
  const Load rest = prompt("llama3-8b", {100, 1, 60, {}});
  const double head = 2 * 128256.0 * 4096;
  EXPECT_NEAR(first.flops + rest.flops, whole.flops + head, 1e3);
  EXPECT_DOUBLE_EQ(rest.of(MemoryClass::kKv).written_bytes, 131072.0 * 40);
  EXPECT_DOUBLE_EQ(rest.of(MemoryClass::kKv).read_bytes, 131072.0 * 100);
}

TEST(PromptLoad, AWindowBoundsThePairs) {
  const LanguageModel& gemma = shipped_model("gemma2-9b");
  const double layer = 16.0 * 4 * 256;
  const Load load = prompt("gemma2-9b", {8192, 1, 0, {}});
  const double all = 8192.0 * 8193 / 2;
  const double windowed = 4096.0 * 4097 / 2 + 4096.0 * 4096;
  const double head = 256000.0 * 3584;
  EXPECT_NEAR(
      load.flops,
      21 * layer * (all + windowed) + 2 * (8192 * (active_parameter_count(gemma) - head) + head),
      1e6);
}

TEST(DecodeLoad, RefusesPointsThatCannotBe) {
  const LanguageModel& model = shipped_model("llama3-8b");
  const Quantisation q = *find_quantisation("f16");
  EXPECT_THAT(decode_load(model, q, f16(), {0, 0, {}}).error().message, HasSubstr("batch of 0"));
  EXPECT_THAT(decode_load(model, q, f16(), {UINT64_MAX, 1, {}}).error().message,
              HasSubstr("tokens of context"));
  EXPECT_THAT(decode_load(model, q, f16(), {1, 1, {-1}}).error().message, HasSubstr("skew of -1"));
  EXPECT_THAT(prompt_load(model, q, f16(), {5, 1, 5, {}}).error().message, HasSubstr("reused"));
}

TEST(PromptLoad, TheLargestPointsGiveFiniteLoads) {
  const Load load = prompt("deepseek-v3", {1'000'000'000'000, 1'000'000'000, 0, {1.0}});
  EXPECT_TRUE(std::isfinite(load.flops));
  EXPECT_NEAR(load.experts_read_per_layer, 256, 1e-6);
}

TEST(ExpertRouting, ProbabilitiesSumToTheActiveExpertsAndFall) {
  for (const double exponent : {0.0, 0.5, 1.0, 2.0, 20.0}) {
    const auto probabilities = expert_probabilities({256, 8, 1, 2048, 2048, 3, true}, {exponent});
    EXPECT_NEAR(std::accumulate(probabilities.begin(), probabilities.end(), 0.0), 8, 1e-6);
    EXPECT_TRUE(std::is_sorted(probabilities.rbegin(), probabilities.rend()));
    EXPECT_LE(probabilities[0], 1);
  }
  EXPECT_NEAR(expert_probabilities({8, 2, 0, 1, 0, 0, false}, {0})[5], 0.25, 1e-12);
}

}  // namespace
}  // namespace terrace::model::decode_load_test
