// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/slot_pool.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace terrace::kv
