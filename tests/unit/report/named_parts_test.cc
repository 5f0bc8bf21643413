// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/named_parts.h"

#include <gtest/gtest.h>

#include "tests/unit/plan/heat_fixture.h"

namespace terrace::report::named_parts_test {
namespace {

using fixture::kBlock;
using session::MemoryClass;

void name(heat::ObjectHeat& object, const std::string& name, double blocks,
          MemoryClass memory_class = MemoryClass::kWeight) {
  session::NamedRange range;
  range.name = name;
  range.memory_class = memory_class;
  if (!object.names.empty()) {
    const session::NamedRange& last = object.names.back().range;
    range.first_byte = last.first_byte + last.size.value;
  }
  range.size = Bytes(static_cast<std::uint64_t>(blocks * kBlock));
  object.names.push_back({range, 0, 0, {}});
}

heat::ObjectHeat object_of(std::size_t blocks) {
  return fixture::make_object(1, std::vector<double>(blocks, kBlock), 1);
}

TEST(NamedParts, WithoutNamesThereAreNone) {
  EXPECT_TRUE(named_parts(object_of(4), 1).empty());
  EXPECT_EQ(class_word(object_of(4)), "heap");
}

TEST(NamedParts, TensorsLargerThanAPartStandAlone) {
  heat::ObjectHeat object = object_of(6);
  name(object, "blk.0.ffn_up.weight", 2);
  name(object, "blk.0.ffn_down.weight", 4);
  const auto parts = named_parts(object, 2);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].name, "blk.0.ffn_up.weight");
  EXPECT_EQ(parts[0].blocks, 2u);
  EXPECT_EQ(parts[1].first_block, 2u);
  EXPECT_EQ(parts[1].blocks, 4u);
}

TEST(NamedParts, SmallTensorsShareAPartThatSaysFromWhereToWhere) {
  heat::ObjectHeat object = object_of(6);
  name(object, "blk.0.attn_q.weight", 0.5);
  name(object, "blk.0.attn_v.weight", 1.5);
  name(object, "blk.0.ffn_up.weight", 1);
  name(object, "blk.2.ffn_up.weight", 1);
  name(object, "output.weight", 2);
  const auto parts = named_parts(object, 2);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].name, "blk.0.attn_q to attn_v");
  EXPECT_EQ(parts[1].name, "blk.0 to 2");
  EXPECT_EQ(parts[2].name, "output.weight");
}

TEST(NamedParts, EveryBlockIsInOnePart) {
  heat::ObjectHeat object = object_of(9);
  for (int i = 0; i < 20; ++i) name(object, "t." + std::to_string(i), 0.4);
  std::size_t next = 0;
  for (const NamedPart& part : named_parts(object, 2.5)) {
    EXPECT_EQ(part.first_block, next);
    next += part.blocks;
  }
  EXPECT_EQ(next, 9u);
}

TEST(NamedParts, ClassIsThatOfMostBytes) {
  heat::ObjectHeat object = object_of(6);
  name(object, "a", 1, MemoryClass::kWeight);
  name(object, "b[0]", 2, MemoryClass::kExpert);
  name(object, "b[1]", 2, MemoryClass::kExpert);
  EXPECT_EQ(class_word(object), "expert");
}

}  // namespace
}  // namespace terrace::report::named_parts_test
