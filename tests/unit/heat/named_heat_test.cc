// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/named_heat.h"

#include <gtest/gtest.h>

#include <cmath>

namespace terrace::heat::named_heat_test {
namespace {

using session::MemoryClass;
using session::NamedHow;
using session::NamedRange;

constexpr std::uint64_t kBlock = kBlockBytes.value;

NamedRange range(std::uint64_t first, std::uint64_t bytes) {
  return {"t", MemoryClass::kWeight, first, Bytes(bytes), 100, NamedHow::kExactFile};
}

/// Three blocks and a half, read once, once, three times and once a second.
ObjectHeat object() {
  ObjectHeat heat;
  heat.key.size_bytes = 3 * kBlock + kBlock / 2;
  const auto block = static_cast<double>(kBlock);
  heat.block_bytes_per_second = {block, block, 3 * block, block / 2};
  heat.block_tiers = {0, 0, 1, 1};
  heat.relative_error = 0.1;
  return heat;
}

TEST(NamedHeat, ARangeGetsTheSharesOfItsBlocks) {
  const auto heat = heat_by_name({range(kBlock / 2, 2 * kBlock)}, object(), 2);
  ASSERT_EQ(heat.size(), 1u);
  const auto block = static_cast<double>(kBlock);
  EXPECT_DOUBLE_EQ(heat[0].tier_bytes[0], 1.5 * block);
  EXPECT_DOUBLE_EQ(heat[0].tier_bytes[1], 0.5 * block);
  // Its own block says once a second; what touches the others' halves is not known to be it.
  EXPECT_DOUBLE_EQ(heat[0].bytes_per_second, 2 * block);
}

TEST(NamedHeat, OfASharedBlockEachHasWhatItsOwnBlocksSay) {
  const auto block = static_cast<double>(kBlock);
  ObjectHeat shared;
  shared.key.size_bytes = 3 * kBlock;
  shared.block_bytes_per_second = {9 * block, 10 * block, block};
  shared.block_tiers = {0, 0, 0};
  shared.relative_error = 0;
  // Nearly all of the block is the cold one's, as of two experts; the hot one's passes over its
  // part are the block's.
  const std::uint64_t hot = kBlock + kBlock / 8;
  const auto heat = heat_by_name({range(0, hot), range(hot, 3 * kBlock - hot)}, shared, 1);
  EXPECT_NEAR(heat[0].bytes_per_second / block, 9 * 1.125, 1e-9);
  EXPECT_NEAR(heat[1].bytes_per_second / block, 1 * 1.875, 1e-9);
  EXPECT_EQ(heat[1].relative_error, 0) << "9 and 1 explain 10";
}

TEST(NamedHeat, WhatNoTensorOfABlockExplainsIsAnError) {
  const auto block = static_cast<double>(kBlock);
  ObjectHeat shared;
  shared.key.size_bytes = 3 * kBlock;
  shared.block_bytes_per_second = {9 * block, 14 * block, block};
  shared.block_tiers = {0, 0, 0};
  shared.relative_error = 0;
  const std::uint64_t half = kBlock + kBlock / 2;
  const auto heat = heat_by_name({range(0, half), range(half, half)}, shared, 1);
  EXPECT_NEAR(heat[1].relative_error, (14.0 - 10) / 2 / 1.5, 1e-9);
}

TEST(NamedHeat, RangesWithoutABlockOfTheirOwnAddUpToTheObject) {
  const ObjectHeat whole = object();
  std::vector<NamedRange> ranges;
  const std::uint64_t piece = 123'457;
  for (std::uint64_t at = 0; at < whole.key.size_bytes; at += piece) {
    ranges.push_back(range(at, std::min(piece, whole.key.size_bytes - at)));
  }
  double sum = 0;
  for (const NamedHeat& named : heat_by_name(ranges, whole, 2)) sum += named.bytes_per_second;
  EXPECT_NEAR(sum / whole.bytes_per_second(), 1, 1e-9);
}

TEST(NamedHeat, ALastBlockThatIsCutShortCountsByItsOwnLength) {
  const auto heat = heat_by_name({range(3 * kBlock, kBlock / 4)}, object(), 2);
  EXPECT_DOUBLE_EQ(heat[0].bytes_per_second, static_cast<double>(kBlock) / 4);
}

TEST(NamedHeat, ErrorsGrowWithSmallerSharesAndWhereBlocksAreSplit) {
  const ObjectHeat whole = object();
  const auto alike = heat_by_name({range(0, kBlock), range(kBlock, kBlock / 2)}, whole, 2);
  const double share = alike[0].bytes_per_second / whole.bytes_per_second();
  EXPECT_DOUBLE_EQ(alike[0].relative_error, 0.1 / std::sqrt(share));
  EXPECT_NEAR(alike[1].relative_error, 0.1 / std::sqrt(share / 2), 1e-9);
  const auto split = heat_by_name({range(kBlock, kBlock * 3 / 2)}, whole, 2);
  EXPECT_GT(split[0].relative_error,
            0.1 / std::sqrt(split[0].bytes_per_second / whole.bytes_per_second()));
}

TEST(NamedHeat, AnExactSourceLeavesOnlyTheSplits) {
  ObjectHeat exact = object();
  exact.relative_error = 0;
  const auto heat = heat_by_name({range(0, kBlock), range(kBlock, kBlock * 3 / 2)}, exact, 2);
  EXPECT_EQ(heat[0].relative_error, 0);
  EXPECT_GT(heat[1].relative_error, 0) << "half of the next block, which is hotter";
}

TEST(NamedHeat, WhatIsNeverReadIsColdAndWithoutError) {
  ObjectHeat cold = object();
  cold.block_bytes_per_second.assign(4, 0);
  const auto heat = heat_by_name({range(0, kBlock)}, cold, 2);
  EXPECT_EQ(heat[0].bytes_per_second, 0);
  EXPECT_EQ(heat[0].relative_error, 0);
}

}  // namespace
}  // namespace terrace::heat::named_heat_test
