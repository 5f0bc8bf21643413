// SPDX-License-Identifier: Apache-2.0
// Freed extents that are kept: their pages and bounds, and random use held against a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "allocators/extent/spare_extents.h"
#include "tests/logged_seed.h"

namespace terrace::extent::spare_extents_test {
namespace {

constinit Arena arena;
constinit backing::LinkEngine links;
constinit TieredExtents extents;

class SpareExtentsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_TRUE(arena.open());
    extents.configure(arena, links, BindMode::kOff, Observation::kNone);
  }
  ~SpareExtentsTest() override { spares_.drop_old(extents, never_, never_); }

  Object* fresh(std::uint32_t blocks) {
    Object* object = arena.carve(blocks, 1);
    object->size_bytes = static_cast<std::uint64_t>(blocks) << kBlockShift;
    EXPECT_EQ(extents.map_ordinary(*object), 0);
    arena.publish(*object);
    spares_.add_live(extents, blocks);
    return object;
  }
  bool retire(Object* object, Nanoseconds now = Nanoseconds(0)) {
    spares_.remove_live(object->block_count);
    if (spares_.keep(extents, *object, now)) return true;
    end(object);
    return false;
  }
  /// Live from here on, as the runtime does it.
  Object* take(std::uint32_t blocks) {
    Object* object = spares_.take(extents, blocks, 1);
    if (object != nullptr) spares_.add_live(extents, object->block_count);
    return object;
  }
  static void end(Object* object) {
    extents.unmap(*object);
    extents.return_mappings(*object);
    arena.release(*object);
  }
  static char* at(const Object& object) { return arena.address_of(object.first_block); }

  SpareExtents spares_;
  Nanoseconds never_{std::uint64_t{1} << 62};
};

TEST_F(SpareExtentsTest, KeepsPagesForTheNextOfThatSize) {
  Object* object = fresh(3);
  char* const address = at(*object);
  address[5] = 'x';
  ASSERT_TRUE(retire(object));
  EXPECT_EQ(arena.find(address), nullptr);
  Object* next = spares_.take(extents, 3, 1);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(at(*next), address);
  EXPECT_EQ(address[5], 'x');
  EXPECT_EQ(spares_.blocks(), 0u);
  end(next);
}

TEST_F(SpareExtentsTest, LongerOnesArePartedAndBecomeOneAgain) {
  Object* object = fresh(6);
  char* const address = at(*object);
  address[5 * kBlockBytes.value] = 'x';
  ASSERT_TRUE(retire(object));
  Object* head = take(2);
  ASSERT_EQ(head->block_count, 2u);
  EXPECT_EQ(spares_.blocks(), 4u);
  Object* middle = take(1);
  EXPECT_EQ(at(*middle), address + 2 * kBlockBytes.value);
  ASSERT_TRUE(retire(head) && retire(middle));
  Object* whole = take(6);
  ASSERT_EQ(at(*whole), address);
  EXPECT_EQ(whole->block_count, 6u);
  EXPECT_EQ(address[5 * kBlockBytes.value], 'x');
  end(whole);
  EXPECT_EQ(extents.mappings().used(), 0u);
}

TEST_F(SpareExtentsTest, GrowingOnesTakeWhatIsKeptBehindThem) {
  Object* object = fresh(6);
  ASSERT_TRUE(retire(object));
  Object* head = take(1);
  spares_.take_behind(extents, *head, 4);
  EXPECT_EQ(head->block_count, 4u);
  EXPECT_EQ(spares_.blocks(), 2u);
  spares_.take_behind(extents, *head, 9);
  EXPECT_EQ(head->block_count, 6u);
  spares_.take_behind(extents, *head, 9);
  EXPECT_EQ(head->block_count, 6u);
  Object* free = arena.carve(1, 1);
  EXPECT_EQ(free->first_block, head->first_block + 6);
  arena.release(*free);
  end(head);
}

TEST_F(SpareExtentsTest, OfALongOneNoMoreGoesThanMust) {
  Object* large = fresh(5);
  ASSERT_TRUE(retire(large));
  Object* other = fresh(2);  // the peak stays 5
  EXPECT_EQ(spares_.blocks(), 3u);
  end(other);
}

TEST_F(SpareExtentsTest, TheTightestIsTakenElseTheLongest) {
  Object* four = fresh(4);
  Object* live = fresh(1);  // between them, so that they do not become one
  Object* seven = fresh(7);
  Object* also_live = fresh(1);
  Object* two = fresh(2);
  ASSERT_TRUE(retire(four) && retire(seven) && retire(two));
  EXPECT_EQ(spares_.take(extents, 3, 1), four);
  EXPECT_EQ(spares_.take(extents, 9, 1), seven);
  EXPECT_EQ(seven->block_count, 7u);
  EXPECT_EQ(spares_.take(extents, 9, 1), two);
  Object* rest = spares_.take(extents, 1, 1);  // of the four
  ASSERT_NE(rest, nullptr);
  EXPECT_EQ(rest->first_block, four->first_block + 3);
  EXPECT_EQ(spares_.take(extents, 1, 1), nullptr);
  for (Object* object : {four, rest, live, seven, also_live, two}) end(object);
}

TEST_F(SpareExtentsTest, NeverRaisesThePeak) {
  Object* small = fresh(2);
  ASSERT_TRUE(retire(small));
  Object* large = fresh(3);  // peak 3: the kept two go
  EXPECT_EQ(spares_.blocks(), 0u);
  ASSERT_TRUE(retire(large));
  EXPECT_EQ(spares_.blocks(), 3u);
}

TEST_F(SpareExtentsTest, OldOnesAreDroppedInTime) {
  Object* first = fresh(1);
  Object* between = fresh(1);
  Object* second = fresh(1);
  ASSERT_TRUE(retire(first, milliseconds(10)) && retire(second, milliseconds(200)));
  const Nanoseconds due = milliseconds(10) + SpareExtents::kKept;
  EXPECT_EQ(spares_.drop_old(extents, milliseconds(300), never_), due);
  EXPECT_EQ(spares_.drop_old(extents, due, never_), milliseconds(200) + SpareExtents::kKept);
  EXPECT_EQ(spares_.blocks(), 1u);
  end(between);
}

TEST_F(SpareExtentsTest, NeighboursAreAsOldAsTheirLargestPart) {
  ASSERT_TRUE(retire(fresh(6), milliseconds(10)));
  ASSERT_TRUE(retire(take(2), milliseconds(200)));
  EXPECT_EQ(spares_.drop_old(extents, milliseconds(300), never_),
            milliseconds(10) + SpareExtents::kKept);
  ASSERT_TRUE(retire(take(4), milliseconds(400)));
  EXPECT_EQ(spares_.drop_old(extents, milliseconds(450), never_),
            milliseconds(400) + SpareExtents::kKept);
  EXPECT_EQ(spares_.blocks(), 6u);
}

TEST_F(SpareExtentsTest, ThoseInARangeGo) {
  Object* object = fresh(4);
  const std::uint32_t first = object->first_block;
  ASSERT_TRUE(retire(object));
  spares_.drop_in(extents, first + 4, 10);
  EXPECT_EQ(spares_.blocks(), 4u);
  spares_.drop_in(extents, first + 3, 1);
  EXPECT_EQ(spares_.blocks(), 0u);
}

/// Every object's first and last word are its own number all its life.
TEST_F(SpareExtentsTest, RandomUseNeverSharesMemoryNorExceedsThePeak) {
  std::mt19937 random(testing_support::logged_seed());
  struct Held {
    Object* object;
    std::uint64_t number;
  };
  std::vector<Held> held;
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  const auto words = [](const Held& one) {
    return reinterpret_cast<std::uint64_t*>(at(*one.object));
  };
  const auto last = [](const Held& one) {
    return (static_cast<std::uint64_t>(one.object->block_count) << kBlockShift) / 8 - 1;
  };
  for (std::uint64_t step = 0; step < 4000; ++step) {
    if (held.size() < 4 || (held.size() < 12 && random() % 2 == 0)) {
      const std::uint32_t blocks = 1 + static_cast<std::uint32_t>(random()) % 9;
      Object* object = spares_.take(extents, blocks, 1);
      if (object != nullptr && object->block_count == blocks) {
        arena.publish(*object);
        spares_.add_live(extents, blocks);
      } else {
        if (object != nullptr) end(object);
        object = fresh(blocks);
      }
      live += blocks;
      peak = std::max(peak, live);
      held.push_back({object, step});
      words(held.back())[0] = words(held.back())[last(held.back())] = step;
    } else {
      const std::size_t pick = random() % held.size();
      ASSERT_EQ(words(held[pick])[0], held[pick].number) << "step " << step;
      ASSERT_EQ(words(held[pick])[last(held[pick])], held[pick].number) << "step " << step;
      live -= held[pick].object->block_count;
      retire(held[pick].object, Nanoseconds(step));
      held[pick] = held.back();
      held.pop_back();
    }
    ASSERT_LE(live + spares_.blocks(), peak) << "step " << step;
    ASSERT_LE(spares_.blocks(), SpareExtents::kMaxBlocks);
  }
  for (const Held& one : held) end(one.object);
}

}  // namespace
}  // namespace terrace::extent::spare_extents_test
