// SPDX-License-Identifier: Apache-2.0
// Prefixes in a small cache: what is found, what stays while it is leased, who goes first.
#include "tiering/policy/kv/prefix_cache.h"

#include <gtest/gtest.h>

namespace terrace::policy::prefix_cache_test {
namespace {

using Blocks = std::vector<ChainHash>;

std::unique_ptr<kv::EvictionPolicy> made(const char* name, std::uint32_t slots,
                                         KvFuture future = {}) {
  return find_kv_policy(name)->make(
      {.slots = slots, .future = std::make_shared<const KvFuture>(std::move(future))});
}

KvServed serve(PrefixCache& cache, const Blocks& blocks) {
  const KvServed served = cache.begin(blocks);
  cache.end(blocks, served.leased_blocks);
  return served;
}

TEST(PrefixCache, FindsTheLongestPrefixAndNoMore) {
  PrefixCache cache(8, made("lru", 8), nullptr);
  EXPECT_EQ(serve(cache, {1, 2, 3}).hit_blocks, 0u);
  EXPECT_EQ(cache.longest_prefix(Blocks{1, 2, 9}), 2u);
  EXPECT_EQ(cache.longest_prefix(Blocks{2, 3}), 2u) << "a hash names its whole prefix";
  EXPECT_EQ(serve(cache, {1, 2, 3, 4}).hit_blocks, 3u);
  EXPECT_EQ(cache.cached(), 4u);
}

TEST(PrefixCache, EvictsTheDeepestBlockOfTheOldestRequestFirst) {
  PrefixCache cache(4, made("lru", 4), nullptr);
  serve(cache, {1, 2});
  serve(cache, {3, 4});
  serve(cache, {5});
  EXPECT_FALSE(cache.contains(2));
  EXPECT_TRUE(cache.contains(1));
  serve(cache, {1, 6});
  EXPECT_FALSE(cache.contains(4)) << "1 was used again, so 4 is the oldest";
}

TEST(PrefixCache, KeepsWhatIsLeasedAndAdmitsNoMoreThanThereIsRoom) {
  PrefixCache cache(3, made("lru", 3), nullptr);
  const Blocks first{1, 2};
  const KvServed held = cache.begin(first);
  EXPECT_EQ(serve(cache, {3, 4, 5}).leased_blocks, 1u);
  EXPECT_TRUE(cache.contains(1));
  EXPECT_TRUE(cache.contains(2));
  cache.end(first, held.leased_blocks);
  EXPECT_EQ(serve(cache, {6, 7, 8}).leased_blocks, 3u);
  EXPECT_EQ(cache.cached(), 3u);
}

TEST(PrefixCache, StopsAtAHashThatIsTwiceInARequest) {
  for (const KvPolicySpec& spec : kv_policies()) {
    PrefixCache cache(8, made(spec.name.data(), 8, KvFuture(10, kNeverAgain)), nullptr);
    EXPECT_EQ(serve(cache, {1, 2, 1, 3}).leased_blocks, 2u) << spec.name;
    EXPECT_EQ(serve(cache, {1, 2}).hit_blocks, 2u) << spec.name;
  }
}

TEST(PrefixCache, CutsARequestThatIsLongerThanAnyPolicyRemembers) {
  Blocks blocks(kMostKvBlocks + 10);
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = i;
  const auto slots = static_cast<std::uint32_t>(blocks.size());
  PrefixCache cache(slots, made("terrace", slots), nullptr);
  EXPECT_EQ(serve(cache, blocks).leased_blocks, kMostKvBlocks);
}

TEST(KvPolicies, FifoForgetsByArrivalWhateverIsHit) {
  PrefixCache cache(2, made("fifo", 2), nullptr);
  serve(cache, {1});
  serve(cache, {2});
  serve(cache, {1});
  serve(cache, {3});
  EXPECT_FALSE(cache.contains(1));
}

TEST(KvPolicies, SlruKeepsWhatWasHitThroughAScan) {
  PrefixCache cache(10, made("slru", 10), nullptr);
  serve(cache, {1});
  serve(cache, {1});
  for (ChainHash scan = 100; scan < 200; ++scan) serve(cache, {scan});
  EXPECT_TRUE(cache.contains(1));
}

TEST(KvPolicies, S3FifoKeepsWhatWasHitTwiceThroughAScan) {
  PrefixCache cache(20, made("s3fifo", 20), nullptr);
  for (int i = 0; i < 4; ++i) serve(cache, {1});
  for (ChainHash scan = 100; scan < 130; ++scan) serve(cache, {scan});
  EXPECT_TRUE(cache.contains(1));
}

TEST(KvPolicies, OptGivesNoPlaceToWhatNeverComesBack) {
  PrefixCache cache(1, made("opt", 1, {2, kNeverAgain, kNeverAgain}), nullptr);
  serve(cache, {1});
  EXPECT_EQ(serve(cache, {2}).leased_blocks, 0u);
  EXPECT_EQ(serve(cache, {1}).hit_blocks, 1u);
}

// Half of the requests continue a conversation, the others are asked once and never again. Which
// is which shows in the length only.
TEST(KvPolicies, TerraceLearnsWhatIsAskedOnceOnly) {
  const auto hits = [](const char* policy) {
    PrefixCache cache(200, made(policy, 200), nullptr);
    std::uint64_t hit = 0;
    for (ChainHash i = 0; i < 6000; ++i) {
      Blocks once(30);
      for (std::size_t k = 0; k < once.size(); ++k) once[k] = 1'000'000 + 100 * i + k;
      serve(cache, once);
      const ChainHash chat = i % 20;
      const std::uint64_t now = serve(cache, {10 * chat, 10 * chat + 1, 10 * chat + 2}).hit_blocks;
      if (i >= 3000) hit += now;
    }
    return hit;
  };
  EXPECT_EQ(hits("lru"), 0u);
  EXPECT_GT(hits("terrace"), 8000u) << "of 9000";
}

// Ten long conversations and sixty short ones, asked in turn: there is room for half of their
// blocks, all are wanted again equally often, and the long ones' cost more.
TEST(KvPolicies, TerraceKeepsWhatCostsMoreToComputeAgain) {
  constexpr RecomputeCost kCost{0.1};
  const auto saved = [&](RecomputeCost told) {
    PrefixCache cache(600, find_kv_policy("terrace")->make({.slots = 600, .cost = told}), nullptr);
    double sum = 0;
    for (ChainHash i = 0; i < 14000; ++i) {
      const ChainHash chat = i % 70;
      Blocks blocks(chat % 7 == 0 ? 60 : 10);
      for (std::size_t k = 0; k < blocks.size(); ++k) blocks[k] = 100 * chat + k;
      const std::uint32_t hit = serve(cache, blocks).hit_blocks;
      for (std::uint32_t k = 0; k < hit && i >= 7000; ++k) sum += kCost.of(k);
    }
    return sum;
  };
  EXPECT_GT(saved(kCost), 1.2 * saved({}));
}

TEST(KvPolicies, AreFoundByName) {
  EXPECT_EQ(find_kv_policy("belady"), nullptr);
  for (const KvPolicySpec& spec : kv_policies()) EXPECT_EQ(find_kv_policy(spec.name), &spec);
}

}  // namespace
}  // namespace terrace::policy::prefix_cache_test
