// SPDX-License-Identifier: Apache-2.0
// One store in one process: what it keeps, finds, replaces, and what is there after a restart.
#include "allocators/kv/prefix_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv::prefix_store_test {
namespace {

using namespace testing_support;

class Store : public testing::Test {
 protected:
  std::unique_ptr<PrefixStore> open() { return opened(options_for(folder_.file())); }
  /// So large that some ten of them fill a pool of 16 MiB.
  static constexpr Shape kLarge{8, 2, KiB(320)};
  Folder folder_;
};

TEST_F(Store, KeepsAndFindsAChain) {
  const auto store = open();
  const Chain chain(kSmall, 1, 0, 5);
  EXPECT_EQ(keep(*store, chain.blocks), 5u);
  for (std::uint32_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(store->contains(hash_of(1, i)));
    EXPECT_TRUE(holds(*store, kSmall, 1, i));
  }
  EXPECT_FALSE(store->contains(hash_of(1, 5)));
  const StoreStats stats = store->stats();
  EXPECT_EQ(stats.blocks, 5u);
  EXPECT_EQ(stats.written, 5u);
  EXPECT_GT(stats.capacity_blocks, 8000u) << "blocks of 1 KiB in 16 MiB";
}

TEST_F(Store, FindsAllAfterARestart) {
  std::uint64_t seed = 0;
  {
    const auto store = open();
    seed = store->hash_seed();
    for (std::uint64_t chain = 1; chain <= 20; ++chain) {
      EXPECT_EQ(keep(*store, Chain(kSmall, chain, 0, 30).blocks), 30u);
    }
  }
  const auto store = open();
  EXPECT_EQ(store->hash_seed(), seed);
  EXPECT_EQ(store->stats().restored, 600u);
  EXPECT_EQ(store->stats().blocks, 600u);
  EXPECT_EQ(store->stats().torn + store->stats().corrupt + store->stats().orphans, 0u);
  for (std::uint64_t chain = 1; chain <= 20; ++chain) {
    for (std::uint32_t i = 0; i < 30; ++i) EXPECT_TRUE(holds(*store, kSmall, chain, i));
  }
  EXPECT_EQ(keep(*store, Chain(kSmall, 1, 0, 30).blocks), 0u) << "they are kept already";
  EXPECT_EQ(keep(*store, Chain(kSmall, 1, 28, 33).blocks), 3u) << "their parent is kept";
}

TEST_F(Store, LeavesOutBlocksWithoutTheirParent) {
  const auto store = open();
  EXPECT_EQ(keep(*store, Chain(kSmall, 1, 3, 6).blocks), 0u);
  EXPECT_EQ(store->stats().blocks, 0u);
}

TEST_F(Store, MatchesTokensParentSaltAndPosition) {
  const auto store = open();
  const Chain chain(kSmall, 1, 0, 2);
  keep(*store, chain.blocks);
  EXPECT_TRUE(store->matches(chain.blocks[1]));
  StoredBlock other = chain.blocks[1];
  other.salt ^= 1;
  EXPECT_FALSE(store->matches(other));
  other = chain.blocks[1];
  other.parent ^= 2;
  EXPECT_FALSE(store->matches(other));
  other = chain.blocks[1];
  other.position = 0;
  EXPECT_FALSE(store->matches(other));
  const OwnedBlock collision(kSmall, 1, 1, 77);
  EXPECT_FALSE(store->matches(collision.block)) << "equal hash, other tokens";
}

TEST_F(Store, FullStoreReplacesTheLeafUsedLongestAgo) {
  const auto store = opened(options_for(folder_.file(), MiB(16), kLarge));
  const auto capacity = static_cast<std::uint32_t>(store->stats().capacity_blocks);
  ASSERT_GE(capacity, 8u);
  // A chain of three, and single blocks for the rest.
  keep(*store, Chain(kLarge, 1, 0, 3).blocks);
  for (std::uint32_t i = 3; i < capacity; ++i) keep(*store, Chain(kLarge, 10 + i, 0, 1).blocks);
  EXPECT_TRUE(holds(*store, kLarge, 1, 2)) << "which uses it";
  EXPECT_TRUE(holds(*store, kLarge, 13, 0));
  EXPECT_EQ(keep(*store, Chain(kLarge, 90, 0, 2).blocks), 2u);
  EXPECT_FALSE(holds(*store, kLarge, 14, 0));
  EXPECT_FALSE(holds(*store, kLarge, 15, 0));
  EXPECT_TRUE(holds(*store, kLarge, 13, 0));
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(holds(*store, kLarge, 1, i));
  for (std::uint32_t i = 0; i < 2; ++i) EXPECT_TRUE(holds(*store, kLarge, 90, i));
  EXPECT_EQ(store->stats().replaced, 2u);
  EXPECT_EQ(store->stats().blocks, capacity);
}

TEST_F(Store, ChainLongerThanTheStoreIsKeptFromItsBeginning) {
  const auto store = opened(options_for(folder_.file(), MiB(16), kLarge));
  const auto capacity = static_cast<std::uint32_t>(store->stats().capacity_blocks);
  EXPECT_EQ(keep(*store, Chain(kLarge, 1, 0, capacity + 4).blocks), capacity);
  for (std::uint32_t i = 0; i < capacity; ++i) EXPECT_TRUE(holds(*store, kLarge, 1, i));
}

TEST_F(Store, LeasedRecordStaysUntilItIsGivenBack) {
  const auto store = opened(options_for(folder_.file(), MiB(16), kLarge));
  const auto capacity = static_cast<std::uint32_t>(store->stats().capacity_blocks);
  for (std::uint32_t i = 0; i < capacity; ++i) keep(*store, Chain(kLarge, 10 + i, 0, 1).blocks);
  {
    auto lease = store->lease(hash_of(10, 0));
    ASSERT_TRUE(lease && *lease);
    for (std::uint32_t i = 0; i < capacity * 2; ++i) {
      EXPECT_EQ(keep(*store, Chain(kLarge, 100 + i, 0, 1).blocks), 1u);
    }
    const OwnedBlock wanted(kLarge, 10, 0);
    EXPECT_TRUE(same((*lease)->block(), wanted.block));
  }
  for (std::uint32_t i = 0; i < capacity; ++i) keep(*store, Chain(kLarge, 200 + i, 0, 1).blocks);
  EXPECT_FALSE(store->contains(hash_of(10, 0)));
}

TEST_F(Store, EmptyBatchAndEqualBlocksInOneAreHarmless) {
  const auto store = open();
  EXPECT_EQ(keep(*store, {}), 0u);
  Chain chain(kSmall, 1, 0, 1);
  chain.blocks.push_back(chain.blocks[0]);
  EXPECT_EQ(keep(*store, chain.blocks), 1u);
}

TEST_F(Store, RefusesBlocksOfAnotherShape) {
  const auto store = open();
  const OwnedBlock block(Shape{16, 8, Bytes(256)}, 1, 0);
  const auto kept = store->keep({&block.block, 1});
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::kUsage);
}

TEST_F(Store, AfterARestartRecordsRankByWhenTheyWereWritten) {
  {
    const auto store = opened(options_for(folder_.file(), MiB(16), kLarge));
    const auto capacity = static_cast<std::uint32_t>(store->stats().capacity_blocks);
    for (std::uint32_t i = 0; i < capacity; ++i) keep(*store, Chain(kLarge, 10 + i, 0, 1).blocks);
    EXPECT_TRUE(holds(*store, kLarge, 10, 0));
  }
  const auto store = opened(options_for(folder_.file(), MiB(16), kLarge));
  EXPECT_TRUE(holds(*store, kLarge, 11, 0)) << "which uses it in this run";
  keep(*store, Chain(kLarge, 90, 0, 1).blocks);
  EXPECT_FALSE(store->contains(hash_of(10, 0)));
  EXPECT_TRUE(store->contains(hash_of(11, 0)));
}

TEST_F(Store, ThreadsKeepAndReadSideBySide) {
  const Shape shape{8, 2, KiB(32)};
  const auto store = opened(options_for(folder_.file(), MiB(16), shape));
  std::atomic<std::uint64_t> found{0};
  const auto work = [&](std::uint64_t first) {
    for (std::uint64_t round = 0; round < 60; ++round) {
      const std::uint64_t chain = first + round % 15;
      const Chain wanted(shape, chain, 0, 12);
      ASSERT_TRUE(store->keep(wanted.blocks));
      for (std::uint32_t i = 0; i < 12; ++i) {
        auto lease = store->lease(hash_of(chain, i));
        ASSERT_TRUE(lease) << lease.error().message;
        if (!*lease) continue;
        ++found;
        EXPECT_TRUE(same((*lease)->block(), wanted.blocks[i]));
      }
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 4; ++i) threads.emplace_back(work, 1 + i * 10);
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(found.load(), 1000u);
  EXPECT_GT(store->stats().replaced, 0u) << "55 chains of 12 blocks do not fit";
}

}  // namespace
}  // namespace terrace::kv::prefix_store_test
