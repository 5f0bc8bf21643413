// SPDX-License-Identifier: Apache-2.0
#include "tiering/model/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"
#include "tests/unit/model/catalogue_fixture.h"
#include "tests/unit/model/model_files.h"
#include "tiering/model/decode_load.h"
#include "tiering/model/tensor_names.h"

namespace terrace::model::model_file_test {
namespace {

using fixture::GgufBytes;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

double stored_bytes(const LanguageModel& model) {
  return weight_bytes(*find_quantisation("stored"), model);
}

TEST(ModelFile, AGgufFileGivesItsShapeAndItsOwnSizes) {
  TemporaryFolder folder;
  const auto model = read_model_file(folder.write("m.gguf", fixture::tiny_model_gguf()));
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name, "m.gguf");
  EXPECT_EQ(model->layers, 2u);
  EXPECT_EQ(model->head_dim, 8u);
  EXPECT_EQ(model->kv_heads, 1u);
  EXPECT_EQ(model->vocab, 6u);
  EXPECT_TRUE(model->tied);
  EXPECT_EQ(parameter_count(*model), 32 * 6 + 32 * 32);
  EXPECT_EQ(stored_bytes(*model), 2 * (32 * 6 + 32 * 32));
  EXPECT_EQ(kv_bytes_per_token(*model, **find_format("f16")), 2 * 2 * 8 * 2);
}

TEST(ModelFile, HeadsMayDifferFromLayerToLayer) {
  GgufBytes file;
  fixture::model_metadata(file, 1, [](GgufBytes& to) {
    to.text("llama.attention.head_count").number<std::uint32_t>(9).number<std::uint32_t>(5);
    to.number<std::uint64_t>(2).number<std::int32_t>(2).number<std::int32_t>(4);
  });
  file.tensor("token_embd.weight", {32, 6}, 1, 0);
  TemporaryFolder folder;
  const auto model = read_model_file(folder.write("m.gguf", file.data(384).bytes()));
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_EQ(model->per_layer.size(), 2u);
  EXPECT_EQ(model->layer(0).heads, 2u);
  EXPECT_EQ(model->layer(1).heads, 4u);
  EXPECT_EQ(model->layer(1).ffn, 64u);
}

TEST(ModelFile, AnyShardNamesTheWholeSet) {
  TemporaryFolder folder;
  GgufBytes first;
  fixture::model_metadata(first, 1,
                          [](GgufBytes& to) { to.u32_pair("llama.attention.head_count", 4); });
  first.tensor("token_embd.weight", {32, 6}, 1, 0);
  folder.write("m-00001-of-00002.gguf", first.data(384).bytes());
  GgufBytes second;
  second.preamble(1, 0).tensor("output.weight", {32, 6}, 8, 0);
  const std::string path = folder.write("m-00002-of-00002.gguf", second.data(204).bytes());
  for (const std::string& name : {path, folder.path()}) {
    const auto model = read_model_file(name);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_FALSE(model->tied);
    EXPECT_EQ(stored_bytes(*model), 384 + 204);
  }
  std::filesystem::remove(folder.path() + "/m-00001-of-00002.gguf");
  const auto broken = read_model_file(path);
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().message, HasSubstr("m-00001-of-00002.gguf"));
}

TEST(ModelFile, AFileThatDoesNotTellItsShapeIsRefused) {
  TemporaryFolder folder;
  const auto bare = read_model_file(folder.write("m.gguf", fixture::tiny_gguf()));
  ASSERT_FALSE(bare.ok());
  EXPECT_THAT(bare.error().message, HasSubstr("says nothing of its hidden size"));
  GgufBytes nameless;
  nameless.preamble(0, 0);
  const auto none = read_model_file(folder.write("n.gguf", nameless.data(0).bytes()));
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("lacks general.architecture"));
}

TEST(ModelFile, AFileOfAVocabularyAloneIsRefused) {
  GgufBytes file;
  fixture::model_metadata(file, 0,
                          [](GgufBytes& to) { to.u32_pair("llama.attention.head_count", 4); });
  TemporaryFolder folder;
  const auto model = read_model_file(folder.write("m.gguf", file.data(0).bytes()));
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("weights, of which it holds none"));
}

TEST(ModelFile, SafetensorsTakeTheirShapeFromTheConfiguration) {
  TemporaryFolder folder;
  const std::string path = folder.write("model.safetensors", fixture::tiny_safetensors());
  const auto alone = read_model_file(path);
  ASSERT_FALSE(alone.ok());
  EXPECT_THAT(alone.error().message, HasSubstr("put the model's config.json beside"));
  folder.write("config.json", fixture::tiny_config());
  for (const std::string& name : {path, folder.path()}) {
    const auto model = read_model_file(name);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->layers, 1u);
    EXPECT_EQ(model->kv_heads, 1u);
    EXPECT_EQ(parameter_count(*model), 336);
    EXPECT_EQ(stored_bytes(*model), 672);
    EXPECT_FALSE(model->tied);
  }
}

TEST(ModelFile, AnIndexJoinsItsShards) {
  TemporaryFolder folder;
  folder.write("config.json", fixture::tiny_config());
  folder.write("a.safetensors", fixture::tiny_safetensors());
  const std::string b = folder.write(
      "b.safetensors",
      fixture::safetensors(
          R"({"model.layers.0.mlp.up_proj.weight":{"dtype":"F8_E4M3","shape":[8,8],"data_offsets":[0,64]}})",
          64));
  const std::string index = folder.write(
      "model.safetensors.index.json",
      R"({"weight_map":{"lm_head.weight":"a.safetensors","model.layers.0.mlp.up_proj.weight":"b.safetensors"}})");
  for (const std::string& name : {index, b}) {
    const auto model = read_model_file(name);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(stored_bytes(*model), 672 + 64) << name;
  }
  std::filesystem::remove(folder.path() + "/a.safetensors");
  EXPECT_THAT(read_model_file(index).error().message, HasSubstr("a.safetensors"));
}

TEST(ModelFile, ReadsLatentAttentionAndStackedExpertsOfAGguf) {
  TemporaryFolder folder;
  const auto model = read_model_file(folder.write("m.gguf", fixture::tiny_mixture_gguf()));
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_TRUE(model->latent && model->mixture);
  EXPECT_EQ(model->latent->nope_dim, 8u);
  EXPECT_EQ(kv_bytes_per_token(*model, **find_format("f16")), 2 * (16 + 4) * 2);
  EXPECT_FALSE(model->has_experts(0));
  EXPECT_EQ(model->file_tensors[2].experts, 6u);
  const auto load = decode_load(*model, *find_quantisation("stored"), **find_format("f16"), {});
  ASSERT_TRUE(load.ok());
  EXPECT_EQ(load->of(MemoryClass::kExpert).resident_bytes, 6144);
  EXPECT_NEAR(load->of(MemoryClass::kExpert).read_bytes, 2048, 1e-6);
}

TEST(ModelFile, ReadsPackedExpertsOfSafetensors) {
  TemporaryFolder folder;
  folder.write("config.json", fixture::mixture_config());
  const std::string path = folder.write("m.safetensors", fixture::mixture_safetensors());
  const auto model = read_model_file(path);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->file_tensors[0].experts, 4u);
  EXPECT_EQ(parameter_count(*model), 4 * 8 * 8);
  EXPECT_EQ(stored_bytes(*model), 128);
}

TEST(ModelFile, ATensorOfNoExpertsHoldsNothing) {
  TemporaryFolder folder;
  folder.write("config.json", fixture::mixture_config());
  const auto model = read_model_file(folder.write(
      "m.safetensors",
      fixture::safetensors(
          R"({"lm_head.weight":{"dtype":"U8","shape":[10,8],"data_offsets":[0,80]},)"
          R"("model.layers.0.mlp.experts.up_proj":{"dtype":"U8","shape":[0,1073741824,1024],)"
          R"("data_offsets":[80,80]}})",
          80)));
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(parameter_count(*model), 80);
}

TEST(ModelFile, ExpertsThatNobodyChoosesAreRefused) {
  GgufBytes file;
  fixture::model_metadata(file, 2,
                          [](GgufBytes& to) { to.u32_pair("llama.attention.head_count", 4); });
  file.tensor("token_embd.weight", {32, 6}, 1, 0);
  file.tensor("blk.1.ffn_up_exps.weight", {32, 2, 3}, 1, 384);
  TemporaryFolder folder;
  const auto model = read_model_file(folder.write("m.gguf", file.data(768).bytes()));
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("has experts, but"));
}

TEST(ModelFile, OtherExpertsThanTheFileStatesAreRefused) {
  TemporaryFolder folder;
  folder.write("config.json", fixture::mixture_config());
  const auto model = read_model_file(folder.write(
      "m.safetensors",
      fixture::safetensors(R"({"model.layers.0.mlp.experts.up_proj":{"dtype":"U8","shape":[3,8,8],)"
                           R"("data_offsets":[0,192]}})",
                           192)));
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.error().message, HasSubstr("has 3 experts, but the file states 4"));
}

TEST(ModelFile, AFolderWithoutAModelSaysWhatWasLookedFor) {
  TemporaryFolder folder;
  EXPECT_THAT(read_model_file(folder.path()).error().message, HasSubstr("holds no model"));
  folder.write("a.gguf", fixture::tiny_model_gguf());
  EXPECT_TRUE(read_model_file(folder.path()).ok());
  folder.write("b.gguf", fixture::tiny_model_gguf());
  EXPECT_THAT(read_model_file(folder.path()).error().message, HasSubstr("several models"));
}

TEST(ModelFile, ANameIsOfTheCatalogueAndAPathIsAFile) {
  TemporaryFolder folder;
  const auto& catalogue = fixture::shipped_catalogue();
  EXPECT_EQ(find_model(catalogue, "llama3-8b")->layers, 32u);
  EXPECT_EQ(find_model(catalogue, folder.write("m.gguf", fixture::tiny_model_gguf()))->layers, 2u);
  EXPECT_THAT(find_model(catalogue, "lama3-8b").error().message,
              HasSubstr("did you mean \"llama3-8b\"?"));
  EXPECT_EQ(find_model(catalogue, "/nonexistent/m.gguf").error().code, ErrorCode::kIo);
}

TEST(TensorNames, RolesAndLayersOfBothKindsOfNames) {
  EXPECT_EQ(role_of("blk.3.attn_q.weight"), TensorRole::kAttentionQ);
  EXPECT_EQ(role_of("blk.3.attn_norm.weight"), TensorRole::kNorm);
  EXPECT_EQ(role_of("blk.3.attn_q.bias"), TensorRole::kNorm);
  EXPECT_EQ(role_of("blk.3.ffn_gate_inp.weight"), TensorRole::kRouter);
  EXPECT_EQ(role_of("model.layers.7.mlp.gate.weight"), TensorRole::kRouter);
  EXPECT_EQ(role_of("model.layers.7.mlp.gate_proj.weight"), TensorRole::kFfnGate);
  EXPECT_EQ(role_of("lm_head.weight"), TensorRole::kOutput);
  EXPECT_EQ(role_of("vision.patch.weight"), TensorRole::kOther);
  EXPECT_EQ(layer_of("blk.31.attn_q.weight"), 31);
  EXPECT_EQ(layer_of("model.layers.7.mlp.gate.weight"), 7);
  EXPECT_EQ(layer_of("blk.99999999999.x"), -1);
  EXPECT_EQ(layer_of("blk"), -1);
}

TEST(TensorNames, ExpertsOfTheirOwnBecomeOneTensor) {
  std::vector<TensorShape> list;
  for (const char* name : {"blk.0.ffn_up.0.weight", "blk.0.attn_q.weight", "blk.0.ffn_up.1.weight",
                           "model.layers.0.mlp.experts.0.up_proj.weight", "blk.1.ffn_up.weight"}) {
    list.push_back({name, role_of(name), layer_of(name), 8, 4, 0, Bytes(64), "F16"});
  }
  const auto stacked = with_experts_stacked(list);
  ASSERT_EQ(stacked.size(), 4u);
  EXPECT_EQ(stacked[0].name, "blk.0.ffn_up.weight");
  EXPECT_EQ(stacked[0].experts, 2u);
  EXPECT_EQ(stacked[0].stored->value, 128u);
  EXPECT_EQ(stacked[0].parameters(), 64u);
  EXPECT_EQ(stacked[2].name, "model.layers.0.mlp.experts.up_proj.weight");
  EXPECT_EQ(stacked[3].experts, 0u);
}

TEST(TensorNames, ExpertsOfAnotherShapeThanTheFirstStayBesideIt) {
  std::vector<TensorShape> list;
  for (const std::uint64_t rows : {4, 1, 4}) {
    const std::string name = "blk.0.ffn_up." + std::to_string(list.size()) + ".weight";
    list.push_back({name, role_of(name), 0, 8, rows, 0, Bytes(16 * rows), "F16"});
  }
  const auto stacked = with_experts_stacked(list);
  ASSERT_EQ(stacked.size(), 2u);
  EXPECT_EQ(stacked[0].experts, 2u);
  EXPECT_EQ(stacked[0].parameters(), 64u);
  EXPECT_EQ(stacked[0].stored->value, 128u);
  EXPECT_EQ(stacked[1].name, "blk.0.ffn_up.1.weight");
  EXPECT_EQ(stacked[1].parameters(), 8u);
}

}  // namespace
}  // namespace terrace::model::model_file_test
