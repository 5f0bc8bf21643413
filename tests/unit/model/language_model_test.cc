// SPDX-License-Identifier: Apache-2.0
// Shapes of the shipped catalogue against what their publishers say of them.
#include "tiering/model/language_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/unit/model/catalogue_fixture.h"
#include "tiering/model/decode_load.h"

namespace terrace::model::language_model_test {
namespace {

using fixture::shipped_catalogue;
using fixture::shipped_model;
using testing::HasSubstr;

LanguageModel small_model() {
  LanguageModel model;
  model.name = "small";
  model.place = "m.toml:3";
  model.layers = 2;
  model.hidden = 8;
  model.heads = model.kv_heads = 2;
  model.head_dim = 4;
  model.ffn = 16;
  model.vocab = 10;
  // 2 x 10 x 8 tables, 2 x (4 x 64 + 3 x 128 + 16) layers, 8 of the last norm
  model.parameters.value = 160 + 2 * (256 + 384 + 16) + 8;
  return model;
}

void expect_refused(const LanguageModel& model, const char* reason) {
  const Status checked = check_shape(model);
  ASSERT_FALSE(checked.ok()) << reason;
  EXPECT_THAT(checked.error().message, HasSubstr("m.toml:3: model \"small\""));
  EXPECT_THAT(checked.error().message, HasSubstr(reason));
}

TEST(LanguageModel, EveryShapeSumsToItsPublishedCount) {
  int walked = 0;
  for (const LanguageModel& model : shipped_catalogue().models) {
    if (model.size_only) continue;
    const double off = parameter_count(model) / model.parameters.value - 1;
    std::printf("%-16s %10.4g parameters, published %10.4g, off by %+.3f %%\n", model.name.c_str(),
                parameter_count(model), model.parameters.value, 100 * off);
    EXPECT_LT(std::fabs(off), 0.01) << model.name;
    ++walked;
  }
  EXPECT_EQ(walked, 22);
}

TEST(LanguageModel, ActiveParametersOfMixturesAgreeWithWhatIsPublished) {
  for (const char* name : {"mixtral-8x7b", "deepseek-v3"}) {
    const LanguageModel& model = shipped_model(name);
    ASSERT_TRUE(model.active_parameters.has_value());
    // Mixtral's paper counts the input table (1 %), DeepSeek's does not.
    EXPECT_NEAR(active_parameter_count(model) / model.active_parameters->value, 1, 0.015) << name;
  }
}

TEST(LanguageModel, KvBytesOfATokenAgreeExactlyWithTheTable) {
  struct Row {
    const char* name;
    double bytes;
  };
  // At 16 bits, all layers; by hand: layers x 2 x key heads x width of a head x 2 bytes.
  const Row rows[] = {
      {"gpt3-175b", 4718592},   {"llama2-7b", 524288},    {"llama2-13b", 819200},
      {"llama2-70b", 327680},   {"llama3-8b", 131072},    {"llama3-70b", 327680},
      {"phi-2", 327680},        {"qwen2-7b", 57344},      {"qwen2-72b", 327680},
      {"mixtral-8x7b", 131072}, {"deepseek-v3", 70272},   {"gemma-2b", 18432},
      {"gemma-7b", 458752},     {"gemma2-9b", 344064},    {"openelm-270m", 16128},
      {"openelm-450m", 23296},  {"openelm-1.1b", 43264},  {"openelm-3b", 83968},
      {"bluelm-7b", 524288},    {"360zhinao-7b", 524288}, {"openpangu-1b", 79872},
      {"openpangu-7b", 139264},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(kv_bytes_per_token(shipped_model(row.name), **find_format("f16")), row.bytes)
        << row.name;
  }
}

TEST(LanguageModel, EveryModelSaysItsSourceAndWhatIsNotPublic) {
  int size_only = 0;
  for (const LanguageModel& model : shipped_catalogue().models) {
    EXPECT_FALSE(model.source.empty()) << model.name;
    EXPECT_FALSE(model.parameters.source.empty()) << model.name;
    EXPECT_EQ(model.checked.empty(), model.size_only) << model.name;
    size_only += model.size_only ? 1 : 0;
  }
  EXPECT_EQ(size_only, 9);
}

TEST(LanguageModel, NamesTensorsAsGgufFilesDo) {
  const auto list = tensors(small_model());
  ASSERT_EQ(list.size(), 3 + 2 * 9u);
  EXPECT_EQ(list[0].name, "token_embd.weight");
  EXPECT_EQ(list[0].cols, 8u);
  EXPECT_EQ(list[0].rows, 10u);
  EXPECT_EQ(list[3].name, "blk.0.attn_q.weight");
  EXPECT_EQ(list.back().name, "output.weight");
  const auto mixed = tensors(shipped_model("deepseek-v3"));
  const auto found = std::find_if(mixed.begin(), mixed.end(), [](const TensorShape& tensor) {
    return tensor.name == "blk.3.ffn_down_exps.weight";
  });
  ASSERT_NE(found, mixed.end());
  EXPECT_EQ(found->experts, 256u);
  EXPECT_EQ(found->parameters(), 256ull * 2048 * 7168);
}

TEST(LanguageModel, KnowsWhichLayersSeeAWindow) {
  const LanguageModel& gemma = shipped_model("gemma2-9b");
  EXPECT_EQ(gemma.window_of(0), 4096u);
  EXPECT_EQ(gemma.window_of(1), UINT64_MAX);
  EXPECT_EQ(gemma.window_of(40), 4096u);
  EXPECT_EQ(shipped_model("llama3-8b").window_of(0), UINT64_MAX);
}

TEST(LanguageModel, RefusesShapesThatCannotBe) {
  EXPECT_TRUE(check_shape(small_model()).ok());
  LanguageModel model = small_model();
  model.parameters.value *= 1.02;
  expect_refused(model, "correct the one that is wrong");
  model = small_model();
  model.layers = 0;
  expect_refused(model, "layers = 0");
  model = small_model();
  model.hidden = UINT64_MAX;
  expect_refused(model, "hidden = 18446744073709551615");
  model = small_model();
  model.heads = 3;
  model.kv_heads = 2;
  expect_refused(model, "2 key heads do not divide 3 heads");
  model = small_model();
  model.per_layer.resize(1);
  expect_refused(model, "shapes of 1 layers, but layers = 2");
  model = small_model();
  model.parameters.value = 0;
  expect_refused(model, "no parameter count");
}

TEST(LanguageModel, RefusesMixturesAndLatentsThatCannotBe) {
  LanguageModel model = small_model();
  model.mixture = MixtureShape{4, 5, 0, 16, 0, 0, false};
  expect_refused(model, "active_experts = 5; give 1 to 4");
  model.mixture = MixtureShape{4, 2, 0, 0, 0, 0, false};
  expect_refused(model, "expert_ffn = 0");
  model.mixture = MixtureShape{4, 2, 0, 16, 0, 2, false};
  expect_refused(model, "leaves no layer with experts");
  model = small_model();
  model.latent = LatentAttention{};
  expect_refused(model, "latent attention");
  model.latent = LatentAttention{8, 0, 2, 4, 4};
  model.kv_heads = UINT64_MAX;
  expect_refused(model, "18446744073709551615 key heads");
}

}  // namespace
}  // namespace terrace::model::language_model_test
