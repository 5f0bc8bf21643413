// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/names_chunk.h"

#include <gtest/gtest.h>

#include <cstring>

#include "profiler/session/format.h"

namespace terrace::session::names_chunk_test {
namespace {

ObjectNames two_names() {
  ObjectNames names;
  names.object = 5;
  names.file = {"/models/m.gguf", 1, 2, 3, 4};
  names.ranges = {
      {"blk.3.ffn_down.weight", MemoryClass::kWeight, 0, Bytes(100), 95, NamedHow::kOrderAndSize},
      {"blk.3.ffn_up_exps.weight[11]", MemoryClass::kExpert, 128, Bytes(72), 100,
       NamedHow::kExactFile}};
  return names;
}

std::optional<ObjectNames> decoded(const std::string& payload, std::uint64_t object_bytes = 200) {
  return decode_names(reinterpret_cast<const std::byte*>(payload.data()), payload.size(),
                      object_bytes);
}

TEST(NamesChunk, WhatIsEncodedIsDecoded) {
  const auto names = decoded(encode_names(two_names()));
  ASSERT_TRUE(names);
  EXPECT_EQ(names->object, 5u);
  EXPECT_EQ(names->file.path, "/models/m.gguf");
  EXPECT_TRUE(names->file.same_content(two_names().file));
  ASSERT_EQ(names->ranges.size(), 2u);
  EXPECT_EQ(names->ranges[1].name, "blk.3.ffn_up_exps.weight[11]");
  EXPECT_EQ(names->ranges[1].memory_class, MemoryClass::kExpert);
  EXPECT_EQ(names->ranges[1].first_byte, 128u);
  EXPECT_EQ(names->ranges[1].size.value, 72u);
}

TEST(NamesChunk, EveryCutIsRefused) {
  const std::string whole = encode_names(two_names());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(decoded(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(decoded(whole + "x"));
}

TEST(NamesChunk, RangesMustLieWithinTheObjectAndApart) {
  EXPECT_TRUE(decoded(encode_names(two_names()), 200));
  EXPECT_FALSE(decoded(encode_names(two_names()), 199)) << "the second ends behind it";
  ObjectNames overlap = two_names();
  overlap.ranges[1].first_byte = 99;
  EXPECT_FALSE(decoded(encode_names(overlap)));
  ObjectNames wraps = two_names();
  wraps.ranges[1].size = Bytes(~std::uint64_t{0});
  EXPECT_FALSE(decoded(encode_names(wraps)));
}

TEST(NamesChunk, ACountThatThePayloadDoesNotHoldIsRefused) {
  std::string payload = encode_names(two_names());
  NamesRecord record;
  std::memcpy(&record, payload.data(), sizeof record);
  record.range_count = UINT32_MAX;
  std::memcpy(payload.data(), &record, sizeof record);
  EXPECT_FALSE(decoded(payload));
}

TEST(NamedRange, NamesTellTheirLayerAndExpert) {
  EXPECT_EQ(layer_in("blk.12.attn_q.weight"), 12);
  EXPECT_EQ(layer_in("model.layers.3.mlp.experts.7.w1.weight"), 3);
  EXPECT_EQ(layer_in("transformer.h.0.ln_1.bias"), 0);
  EXPECT_EQ(layer_in("myblk.4.x"), -1);
  EXPECT_EQ(layer_in("blk.x"), -1);
  EXPECT_EQ(layer_in("blk.7"), -1);
  EXPECT_EQ(expert_in("blk.7.ffn_gate_exps.weight[3]"), 3);
  EXPECT_EQ(expert_in("blk.7.ffn_gate_exps.weight"), -1);
  EXPECT_EQ(expert_in("odd[]"), -1);
  EXPECT_EQ(expert_in("odd[-2]"), -1);
}

TEST(NamedRange, ClassesAreWords) {
  for (std::uint8_t i = 0; i <= kLastMemoryClass; ++i) {
    const auto memory_class = static_cast<MemoryClass>(i);
    EXPECT_EQ(memory_class_of(name_of(memory_class)), memory_class);
  }
  EXPECT_EQ(memory_class_of("weights"), std::nullopt);
}

}  // namespace
}  // namespace terrace::session::names_chunk_test
