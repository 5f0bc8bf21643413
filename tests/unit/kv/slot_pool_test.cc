// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/slot_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace terrace::kv {
namespace {

TEST(SlotPool, HandsEachSlotOutOnce) {
  SlotPool pool(5);
  std::vector<KvSlot> taken;
  for (KvSlot slot = pool.take(); slot != kNoSlot; slot = pool.take()) taken.push_back(slot);
  EXPECT_EQ(taken, (std::vector<KvSlot>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.free(), 0u);
  pool.give(3);
  EXPECT_EQ(pool.free(), 1u);
  EXPECT_EQ(pool.take(), 3u);
}

TEST(SlotPool, AnEmptyPoolHasNone) {
  EXPECT_EQ(SlotPool(0).take(), kNoSlot);
}

TEST(SlotPool, ThreadsNeverHoldTheSameSlot) {
  constexpr std::uint32_t kSlots = 16;
  SlotPool pool(kSlots);
  std::vector<std::atomic<int>> holders(kSlots);
  std::atomic<int> twice{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20000; ++round) {
        const KvSlot slot = pool.take();
        if (slot == kNoSlot) continue;
        if (holders[slot].fetch_add(1) != 0) ++twice;
        holders[slot].fetch_sub(1);
        pool.give(slot);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(twice, 0);
  EXPECT_EQ(pool.free(), kSlots);
}

}  // namespace
}  // namespace terrace::kv
