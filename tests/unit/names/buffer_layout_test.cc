// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/buffer_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/temporary_folder.h"
#include "tests/unit/model/model_files.h"
#include "tests/unit/names/mixture_file.h"
#include "tiering/names/engine_order.h"
#include "tiering/names/tensor_buffers.h"

namespace terrace::names::buffer_layout_test {
namespace {

using session::MemoryClass;
using session::NamedHow;
using session::NamedRange;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::TemporaryFolder;

ModelTensors mixture(const TemporaryFolder& folder) {
  auto model =
      read_model_tensors(folder.write("m.gguf", fixture::gguf_of(fixture::mixture_tensors())));
  EXPECT_TRUE(model.ok());
  return *model;
}

std::vector<std::string> names_of(const std::vector<NamedRange>& ranges) {
  std::vector<std::string> names;
  for (const NamedRange& range : ranges) names.push_back(range.name);
  return names;
}

// All tensors of mixture_tensors(), each a multiple of 32.
constexpr std::uint64_t kAll = 1152 + 256 + 2 * (4608 + 1024 + 2304 + 256) + 3456;
constexpr std::uint64_t kRepacked = 1152 + 2 * (4608 + 2304);

TEST(BufferLayout, AMappingNamesEachTensorAndExpertAtItsOffset) {
  const TemporaryFolder folder;
  const ModelTensors model = mixture(folder);
  const auto ranges = ranges_of_mapping(model, 0, 0, Bytes(model.files[0].size_bytes));
  ASSERT_EQ(ranges.size(), 9u + 2 * 4);  // eleven tensors, two of them four experts each
  EXPECT_EQ(ranges[0].name, "output.weight");
  EXPECT_EQ(ranges[0].first_byte, model.tensors[0].offset);
  EXPECT_EQ(ranges[2].name, "blk.0.ffn_up_exps.weight[0]");
  EXPECT_EQ(ranges[3].name, "blk.0.ffn_up_exps.weight[1]");
  EXPECT_EQ(ranges[3].first_byte, ranges[2].first_byte + 1152);
  EXPECT_EQ(ranges[3].memory_class, MemoryClass::kExpert);
  EXPECT_EQ(ranges[3].how, NamedHow::kExactFile);
  EXPECT_EQ(ranges[3].confidence, 100);
}

TEST(BufferLayout, AMappingOfAPartCutsTheTensorsAtItsEnds) {
  const TemporaryFolder folder;
  const ModelTensors model = mixture(folder);
  const std::uint64_t from = model.tensors[0].offset + 100;
  const auto ranges = ranges_of_mapping(model, 0, from, Bytes(1152));
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].first_byte, 0u);
  EXPECT_EQ(ranges[0].size.value, 1052u);
  EXPECT_EQ(ranges[1].name, "output_norm.weight");
  EXPECT_EQ(ranges[1].size.value, 100u);
}

TEST(BufferLayout, ABufferOfAllTensorsIsNamedInTheEnginesOrder) {
  const TemporaryFolder folder;
  const auto ranges = ranges_of_buffer(mixture(folder), Bytes(kAll));
  ASSERT_TRUE(ranges.ok()) << ranges.error().message;
  EXPECT_THAT(
      names_of(*ranges),
      ElementsAre("token_embd.weight", "output_norm.weight", "output.weight",
                  "blk.0.attn_norm.weight", "blk.0.attn_q.weight", "blk.0.ffn_gate_inp.weight",
                  "blk.0.ffn_up_exps.weight[0]", "blk.0.ffn_up_exps.weight[1]",
                  "blk.0.ffn_up_exps.weight[2]", "blk.0.ffn_up_exps.weight[3]",
                  "blk.1.attn_norm.weight", "blk.1.attn_q.weight", "blk.1.ffn_gate_inp.weight",
                  "blk.1.ffn_up_exps.weight[0]", "blk.1.ffn_up_exps.weight[1]",
                  "blk.1.ffn_up_exps.weight[2]", "blk.1.ffn_up_exps.weight[3]"));
  EXPECT_EQ(ranges->back().first_byte + ranges->back().size.value, kAll);
  EXPECT_EQ(ranges->front().how, NamedHow::kOrderAndSize);
  EXPECT_LT(ranges->front().confidence, 100);
}

TEST(BufferLayout, ARepackedBufferHoldsTheMatricesAndNotTheEmbedding) {
  const TemporaryFolder folder;
  const auto ranges = ranges_of_buffer(mixture(folder), Bytes(kRepacked));
  ASSERT_TRUE(ranges.ok()) << ranges.error().message;
  ASSERT_EQ(ranges->size(), 3u + 2 * 4);
  EXPECT_EQ((*ranges)[0].name, "output.weight");
  EXPECT_EQ((*ranges)[1].name, "blk.0.attn_q.weight");
  const auto rest = ranges_of_buffer(mixture(folder), Bytes(kAll - kRepacked));
  ASSERT_TRUE(rest.ok()) << rest.error().message;
  EXPECT_EQ((*rest)[0].name, "token_embd.weight");
  EXPECT_EQ((*rest)[1].name, "output_norm.weight");
}

TEST(BufferLayout, ATiedModelRepacksACopyOfItsEmbedding) {
  const TemporaryFolder folder;
  auto tensors = fixture::mixture_tensors();
  tensors.erase(tensors.begin());
  const auto model = read_model_tensors(folder.write("t.gguf", fixture::gguf_of(tensors)));
  const auto ranges = ranges_of_buffer(*model, Bytes(kRepacked - 1152 + 3456));
  ASSERT_TRUE(ranges.ok()) << ranges.error().message;
  EXPECT_EQ((*ranges)[0].name, "token_embd.weight");
  EXPECT_EQ((*ranges)[1].name, "blk.0.attn_q.weight");
}

TEST(BufferLayout, ASizeThatFitsNoSetIsRefusedWithTheReason) {
  const TemporaryFolder folder;
  const ModelTensors model = mixture(folder);
  for (const std::uint64_t size : {std::uint64_t{0}, kAll - 32, kAll + 65, ~std::uint64_t{0}}) {
    const auto ranges = ranges_of_buffer(model, Bytes(size));
    ASSERT_FALSE(ranges.ok());
    EXPECT_THAT(ranges.error().message, HasSubstr("no set of the tensors"));
  }
  EXPECT_TRUE(ranges_of_buffer(model, Bytes(kAll + 64)).ok());
}

TEST(BufferLayout, AnArchitectureWhoseOrderNobodyComparedIsLessSure) {
  const TemporaryFolder folder;
  const auto other = read_model_tensors(
      folder.write("o.gguf", fixture::gguf_of(fixture::mixture_tensors(), "unheard-of")));
  const auto unsure = ranges_of_buffer(*other, Bytes(kAll));
  const auto sure = ranges_of_buffer(mixture(folder), Bytes(kAll));
  EXPECT_LT((*unsure)[0].confidence, (*sure)[0].confidence);
}

TEST(ModelTensors, AnyShardNamesTheWholeSet) {
  const TemporaryFolder folder;
  const auto all = fixture::mixture_tensors();
  const std::vector<fixture::FileTensor> first(all.begin(), all.begin() + 4);
  const std::vector<fixture::FileTensor> second(all.begin() + 4, all.end());
  folder.write("m-00001-of-00002.gguf", fixture::gguf_of(first));
  const std::string shard = folder.write("m-00002-of-00002.gguf", fixture::gguf_of(second));
  const auto model = read_model_tensors(shard);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->files.size(), 2u);
  EXPECT_EQ(model->tensors.size(), all.size());
  EXPECT_EQ(model->file_of(shard), 1u);
  EXPECT_TRUE(ranges_of_buffer(*model, Bytes(kAll)).ok());
  EXPECT_EQ(ranges_of_mapping(*model, 1, 0, Bytes(1 << 20)).size(), 7u + 4 - 1);
}

TEST(ModelTensors, ASafetensorsSetIsReadByItsIndexAndOrderedByPlace) {
  const TemporaryFolder folder;
  const std::string whole = fixture::tiny_safetensors();
  folder.write("m-1.safetensors", whole);
  const std::string index = folder.write("model.safetensors.index.json",
                                         R"({"weight_map":{"lm_head.weight":"m-1.safetensors"}})");
  const auto model = read_model_tensors(index);
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_EQ(model->tensors.size(), 6u);
  EXPECT_EQ(model->tensors[0].name, "model.embed_tokens.weight");
  EXPECT_EQ(model->tensors[5].name, "lm_head.weight");
  const auto ranges = ranges_of_mapping(*model, 0, 0, Bytes(whole.size()));
  EXPECT_EQ(ranges.back().first_byte + ranges.back().size.value, whole.size());
}

TEST(ModelTensors, AFileUnderAnotherNameIsKnownByItsFirstBytes) {
  const TemporaryFolder folder;
  const std::string filler(1 << 20, 'x');
  const std::string gguf =
      folder.write("5f3a", fixture::gguf_of(fixture::mixture_tensors()) + filler);
  EXPECT_TRUE(is_model_file(gguf));
  EXPECT_TRUE(read_model_tensors(gguf).ok());
  const std::string tensors = folder.write("9b1c", fixture::tiny_safetensors() + filler);
  EXPECT_TRUE(is_model_file(tensors));
  EXPECT_FALSE(is_model_file(folder.write("text", filler)));
  EXPECT_FALSE(is_model_file(folder.write("small", fixture::gguf_of(fixture::mixture_tensors()))));
  EXPECT_FALSE(is_model_file("/dev/zero"));
}

TEST(ModelTensors, AFolderAndAMissingFileAreErrorsWithARemedy) {
  EXPECT_THAT(read_model_tensors("/tmp").error().message, HasSubstr("name a .gguf"));
  EXPECT_EQ(read_model_tensors("/nonexistent/m.gguf").error().code, ErrorCode::kIo);
}

ModelTensors three_large_tensors() {
  ModelTensors model;
  model.tensors = {{"a", "BF16", 0, 0, 3 << 20, 2, 0, 1},
                   {"b", "BF16", 0, 0, 2 << 20, 2, 0, 1},
                   {"c", "BF16", 0, 0, 3 << 20, 2, 0, 1}};
  return model;
}

TEST(TensorBuffers, EqualSizesAreTakenInOrderWhenTheirNumberFits) {
  const auto matches = match_tensor_buffers(
      three_large_tensors(),
      {{1, Bytes(3 << 20)}, {2, Bytes(9 << 20)}, {3, Bytes(2 << 20)}, {4, Bytes(3 << 20)}});
  ASSERT_EQ(matches.size(), 3u);
  EXPECT_EQ(matches[0].buffer, 2u);  // the smallest size first
  EXPECT_EQ(matches[0].tensor, 1u);
  EXPECT_EQ(matches[1].buffer, 0u);
  EXPECT_EQ(matches[1].tensor, 0u);
  EXPECT_EQ(matches[2].buffer, 3u);
  EXPECT_EQ(matches[2].tensor, 2u);
}

TEST(TensorBuffers, TooFewThatFitAreRefused) {
  EXPECT_TRUE(
      match_tensor_buffers(three_large_tensors(), {{1, Bytes(3 << 20)}, {2, Bytes(2 << 20)}})
          .empty());
  EXPECT_TRUE(match_tensor_buffers({}, {{1, Bytes(3 << 20)}}).empty());
}

}  // namespace
}  // namespace terrace::names::buffer_layout_test
