// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/arena.h"

#include <gtest/gtest.h>

#include <vector>

namespace terrace::extent::arena_test {
namespace {

/// One arena for the whole program: it cannot be closed again.
Arena& arena() {
  static constinit Arena one;
  if (!one.is_open()) {
    const Status opened = one.open();
    if (!opened) ADD_FAILURE() << opened.error().message;
  }
  return one;
}

class ArenaTest : public testing::Test {
 protected:
  Object* make(std::uint32_t blocks, std::uint32_t align = 1) {
    Object* object = arena().carve(blocks, align);
    if (object == nullptr) return nullptr;
    arena().publish(*object);
    live_.push_back(object);
    return object;
  }
  void release(Object* object) {
    arena().release(*object);
    std::erase(live_, object);
  }
  ~ArenaTest() override {
    for (Object* object : live_) arena().release(*object);
  }

  std::vector<Object*> live_;
};

TEST_F(ArenaTest, SpansEightTimesTheMachineAndAtLeast64GiB) {
  EXPECT_GE(arena().block_count(), GiB(64).value >> kBlockShift);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena().base()) % kBlockBytes.value, 0u);
  EXPECT_TRUE(arena().contains(arena().base()));
  EXPECT_FALSE(arena().contains(static_cast<char*>(arena().base()) - 1));
  EXPECT_FALSE(
      arena().contains(arena().address_of(static_cast<std::uint32_t>(arena().block_count()))));
  EXPECT_FALSE(arena().contains(nullptr));
}

TEST_F(ArenaTest, CarvesFirstFitSideBySide) {
  Object* first = make(3);
  Object* second = make(2);
  EXPECT_EQ(first->first_block, 0u);
  EXPECT_EQ(second->first_block, 3u);
  EXPECT_EQ(arena().tiers_of(*second)[1], kNoTier);
}

TEST_F(ArenaTest, ReusesAHoleThatFitsAndSkipsOneThatDoesNot) {
  Object* small = make(2);
  make(1);
  Object* large = make(4);
  make(1);
  release(small);
  release(large);
  EXPECT_EQ(make(3)->first_block, 3u);
  EXPECT_EQ(make(2)->first_block, 0u);
  EXPECT_EQ(make(1)->first_block, 6u);
}

TEST_F(ArenaTest, NeighbouringHolesServeALargerObject) {
  Object* a = make(2);
  Object* b = make(2);
  make(1);
  release(a);
  release(b);
  EXPECT_EQ(make(4)->first_block, 0u);
}

TEST_F(ArenaTest, AlignsAddressesToLargerPowers) {
  make(1);
  for (const std::uint32_t align : {2u, 4u, 64u, 512u, 2048u}) {
    Object* object = make(3, align);
    ASSERT_NE(object, nullptr);
    const auto address = reinterpret_cast<std::uintptr_t>(arena().address_of(object->first_block));
    EXPECT_EQ(address % (align * kBlockBytes.value), 0u) << align;
  }
}

TEST_F(ArenaTest, FindsInteriorAddressesUntilReleased) {
  Object* object = make(3);
  char* const base = arena().address_of(object->first_block);
  EXPECT_EQ(arena().find(base), object);
  EXPECT_EQ(arena().find(base + 1), object);
  EXPECT_EQ(arena().find(base + 3 * kBlockBytes.value - 1), object);
  EXPECT_EQ(arena().find(base + 3 * kBlockBytes.value), nullptr);
  release(object);
  EXPECT_EQ(arena().find(base), nullptr);
  EXPECT_EQ(arena().find(base + kBlockBytes.value), nullptr);
}

TEST_F(ArenaTest, IsNotFoundBeforeItIsPublished) {
  Object* object = arena().carve(1, 1);
  ASSERT_NE(object, nullptr);
  live_.push_back(object);
  EXPECT_EQ(arena().find(arena().address_of(object->first_block)), nullptr);
  EXPECT_NE(make(1)->first_block, object->first_block) << "its space is taken all the same";
}

TEST_F(ArenaTest, ForeignAddressesAreNotFound) {
  int local = 0;
  EXPECT_EQ(arena().find(&local), nullptr);
  EXPECT_EQ(arena().find(nullptr), nullptr);
}

TEST_F(ArenaTest, RefusesZeroBlocksAndMoreThanThereAre) {
  EXPECT_EQ(arena().carve(0, 1), nullptr);
  EXPECT_EQ(arena().carve(static_cast<std::uint32_t>(arena().block_count()) + 1, 1), nullptr);
  EXPECT_EQ(arena().carve(~0u, 1), nullptr);
  EXPECT_EQ(arena().carve(1, 1u << 31), nullptr) << "no such address in the span";
}

TEST_F(ArenaTest, RecordsAreReusedAndReset) {
  Object* object = make(1);
  object->size_bytes = 99;
  object->hole_count = 3;
  release(object);
  Object* again = make(2);
  EXPECT_EQ(again, object);
  EXPECT_EQ(again->size_bytes, 0u);
  EXPECT_EQ(again->hole_count, 0u);
}

TEST_F(ArenaTest, HoldsManyObjects) {
  const auto before = arena().object_slots();
  constexpr std::uint32_t kMany = 3000;
  for (std::uint32_t i = 0; i < kMany; ++i) ASSERT_NE(make(1), nullptr);
  EXPECT_LE(arena().object_slots(), before + kMany);
  for (std::uint32_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(arena().find(arena().address_of(live_[i]->first_block)), live_[i]);
  }
}

TEST_F(ArenaTest, SurrenderedBlocksAreNeverCarvedAgain) {
  Object* object = arena().carve(8, 1);
  ASSERT_NE(object, nullptr);
  arena().publish(*object);
  const std::uint32_t first = object->first_block;
  arena().surrender(first + 2, 3);
  arena().release(*object);
  EXPECT_EQ(arena().find(arena().address_of(first + 3)), nullptr);
  for (int i = 0; i < 40; ++i) {
    const Object* next = make(1);
    ASSERT_NE(next, nullptr);
    EXPECT_TRUE(next->first_block < first + 2 || next->first_block >= first + 5);
  }
}

TEST(ArenaKeptApart, LeavesABlockBetweenObjectsWhicheverIsFreedAndGrown) {
  static constinit Arena apart;
  ASSERT_TRUE(apart.open().ok());
  apart.keep_objects_apart();
  Object* const first = apart.carve(3, 1);
  Object* const second = apart.carve(2, 1);
  Object* const third = apart.carve(4, 2);
  ASSERT_TRUE(first != nullptr && second != nullptr && third != nullptr);
  EXPECT_GT(second->first_block, first->first_block + first->block_count);
  EXPECT_GT(third->first_block, second->first_block + second->block_count);
  EXPECT_FALSE(apart.extend(*first, 4)) << "that is the block between";
  apart.release(*second);
  Object* const again = apart.carve(2, 1);
  ASSERT_NE(again, nullptr);
  EXPECT_GT(again->first_block, first->first_block + first->block_count);
  EXPECT_GT(third->first_block, again->first_block + again->block_count);
}

TEST(ArenaClosed, KnowsNothingAndOpensAgain) {
  Arena arena;
  ASSERT_TRUE(arena.open());
  Object* const object = arena.carve(4, 1);
  ASSERT_NE(object, nullptr);
  arena.publish(*object);
  const void* const inside = arena.address_of(object->first_block);
  arena.release(*object);
  arena.close();
  arena.close();
  EXPECT_FALSE(arena.is_open());
  EXPECT_FALSE(arena.contains(inside));
  EXPECT_EQ(arena.find(inside), nullptr);
  ASSERT_TRUE(arena.open());
  EXPECT_NE(arena.carve(4, 1), nullptr);
  arena.close();
}

}  // namespace
}  // namespace terrace::extent::arena_test
