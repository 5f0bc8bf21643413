// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/chain_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <unordered_map>

#include "tests/fuzz/mutate.h"

namespace terrace::kv {
namespace {

TEST(ChainIndex, FindsWhatWasInsertedAndNotWhatWasErased) {
  ChainIndex index(2);
  EXPECT_EQ(index.find(7), ChainIndex::kNone);
  index.insert(7, 1);
  index.insert(0, 2);
  EXPECT_EQ(index.find(7), 1u);
  EXPECT_EQ(index.find(0), 2u);
  index.erase(7);
  EXPECT_EQ(index.find(7), ChainIndex::kNone);
  EXPECT_EQ(index.find(0), 2u);
}

// Hashes that fall on few cells, so that long runs form and are erased out of their middle, also
// where a run goes on from the last cell to the first.
TEST(ChainIndex, KeepsToAMapThroughRandomOperations) {
  constexpr std::size_t kMost = 200;
  std::mt19937_64 random(fuzz::logged_seed());
  ChainIndex index(kMost);
  std::unordered_map<ChainHash, std::uint32_t> model;
  // Fibonacci hashing's factor has this inverse modulo 2^64: the home of k * kInverse is at the top
  // bits of k.
  constexpr ChainHash kInverse = 0xF1DE83E19937733Du;
  static_assert(kInverse * 0x9E3779B97F4A7C15u == 1);
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < 100000; ++i) {
    const ChainHash home = (random() % 3 == 0 ? random() % 512 : 500 + random() % 16) << 55;
    const ChainHash hash = (home + random() % 16) * kInverse;
    const auto known = model.find(hash);
    ASSERT_EQ(index.find(hash), known == model.end() ? ChainIndex::kNone : known->second);
    if (known != model.end()) {
      index.erase(hash);
      model.erase(known);
    } else if (model.size() < kMost) {
      index.insert(hash, i);
      model.emplace(hash, i);
    }
    most = std::max(most, model.size());
  }
  EXPECT_EQ(most, kMost);
  for (const auto& [hash, number] : model) ASSERT_EQ(index.find(hash), number);
}

}  // namespace
}  // namespace terrace::kv
