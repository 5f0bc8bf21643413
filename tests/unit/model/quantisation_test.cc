// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/quantisation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "tests/unit/model/catalogue_fixture.h"

namespace terrace::model::quantisation_test {
namespace {

using fixture::shipped_model;
using testing::HasSubstr;

constexpr double kGiB = 1024.0 * 1024 * 1024;

std::string format_at(const char* quantisation, const char* model, const std::string& tensor) {
  const LanguageModel& shape = shipped_model(model);
  for (const TensorShape& one : tensors(shape)) {
    if (one.name == tensor) {
      return std::string(format_of(*find_quantisation(quantisation), shape, one)->name);
    }
  }
  return "no such tensor";
}

TEST(Quantisation, BitsIncludeTheBlocksOverheads) {
  EXPECT_DOUBLE_EQ((*find_format("q4_0"))->bits_per_weight(), 4.5);
  EXPECT_DOUBLE_EQ((*find_format("Q4_K"))->bits_per_weight(), 4.5);
  EXPECT_DOUBLE_EQ((*find_format("q6_k"))->bits_per_weight(), 6.5625);
  EXPECT_DOUBLE_EQ((*find_format("q8_0"))->bits_per_weight(), 8.5);
  EXPECT_DOUBLE_EQ((*find_format("mxfp4"))->bits_per_weight(), 4.25);
}

// Sizes as XiongjieDai/GPU-Benchmarks-on-LLM-Inference publishes them (and its issue 1), GiB.
TEST(Quantisation, FileSizesAgreeWithPublishedOnes) {
  struct Row {
    const char* model;
    const char* quantisation;
    double gib;
  };
  const Row rows[] = {
      {"llama3-8b", "q4_k_m", 4.58}, {"llama3-8b", "f16", 14.96}, {"llama3-70b", "q4_k_m", 39.59},
      {"llama3-70b", "f16", 131.42}, {"llama2-7b", "q4_0", 3.56}, {"llama2-13b", "q4_0", 6.86},
  };
  for (const Row& row : rows) {
    const double gib =
        weight_bytes(*find_quantisation(row.quantisation), shipped_model(row.model)) / kGiB;
    std::printf("%-12s %-7s %8.3f GiB, published %8.2f, off by %+.2f %%\n", row.model,
                row.quantisation, gib, row.gib, 100 * (gib / row.gib - 1));
    EXPECT_LT(std::fabs(gib / row.gib - 1), 0.02) << row.model << " " << row.quantisation;
  }
}

TEST(Quantisation, MixesGiveBitsByRoleAndLayer) {
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "output.weight"), "q6_k");
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "token_embd.weight"), "q4_k");
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "blk.0.ffn_down.weight"), "q6_k");
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "blk.4.ffn_down.weight"), "q4_k");
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "blk.6.attn_v.weight"), "q6_k");
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "blk.6.attn_q.weight"), "q4_k");
  EXPECT_EQ(format_at("q4_k_m", "llama3-8b", "blk.6.attn_norm.weight"), "f32");
  EXPECT_EQ(format_at("q3_k_m", "llama3-8b", "blk.1.attn_v.weight"), "q5_k");
  EXPECT_EQ(format_at("q3_k_m", "llama3-8b", "blk.2.attn_v.weight"), "q4_k");
  EXPECT_EQ(format_at("q2_k", "llama3-8b", "blk.2.attn_output.weight"), "q3_k");
  EXPECT_EQ(format_at("q4_k_m", "gemma-2b", "token_embd.weight"), "q6_k") << "a tied head";
}

TEST(Quantisation, LargeAndMixedModelsHaveTheirOwnRules) {
  EXPECT_EQ(format_at("q4_k_m", "llama3-70b", "blk.11.attn_v.weight"), "q5_k");
  EXPECT_EQ(format_at("q4_k_m", "mixtral-8x7b", "blk.5.attn_v.weight"), "q8_0");
  EXPECT_EQ(format_at("q4_k_m", "mixtral-8x7b", "blk.5.attn_k.weight"), "q8_0");
  EXPECT_EQ(format_at("q4_k_m", "mixtral-8x7b", "blk.5.attn_output.weight"), "q5_k");
  EXPECT_EQ(format_at("mxfp4_moe", "mixtral-8x7b", "blk.5.ffn_up_exps.weight"), "mxfp4");
  EXPECT_EQ(format_at("mxfp4_moe", "mixtral-8x7b", "blk.5.attn_q.weight"), "q8_0");
  EXPECT_EQ(format_at("q4_k_m", "mixtral-8x7b", "blk.5.ffn_gate_inp.weight"), "f32");
}

TEST(Quantisation, RowsThatAreNoWholeBlocksTakeShorterOnes) {
  LanguageModel model = shipped_model("llama3-8b");
  const TensorShape odd{"x", TensorRole::kFfnUp, 0, 288, 16, 0, {}, {}};
  EXPECT_EQ(format_of(*find_quantisation("q4_k_s"), model, odd)->name, "q5_0");
  const TensorShape odder{"x", TensorRole::kFfnUp, 0, 90, 16, 0, {}, {}};
  EXPECT_EQ(format_of(*find_quantisation("q4_k_s"), model, odder)->name, "f16");
}

TEST(Quantisation, EveryNameIsFoundAndEveryMixCoversEveryTensor) {
  for (const std::string_view name : quantisation_names()) {
    const auto quantisation = find_quantisation(name);
    ASSERT_TRUE(quantisation.ok()) << name;
    for (const char* model : {"llama3-8b", "mixtral-8x7b", "deepseek-v3", "phi-2"}) {
      EXPECT_GT(weight_bytes(*quantisation, shipped_model(model)), 0) << name;
    }
  }
}

TEST(Quantisation, UnknownNamesGetASuggestion) {
  EXPECT_THAT(find_quantisation("q4_k_n").error().message, HasSubstr("did you mean \"q4_k_"));
  EXPECT_THAT(find_format("int9").error().message, HasSubstr("did you mean"));
  EXPECT_THAT(find_quantisation("perfectly-lossless").error().message, HasSubstr("known are f32"));
  EXPECT_FALSE(find_format(std::string(100000, 'q')).ok());
}

}  // namespace
}  // namespace terrace::model::quantisation_test
