// SPDX-License-Identifier: Apache-2.0
// Objects in real memory: mapped on tiers, exchanged under writers, parted by fork.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "allocators/os/mapping.h"
#include "tests/child_process.h"
#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/extent/rig.h"
#include "tests/unit/extent/writer.h"

namespace terrace::extent::tiered_extent_test {
namespace {

constexpr std::uint64_t kBlock = kBlockBytes.value;

// Never destroyed, as the runtime's: the link's thread is at work to the end.
Rig& rig = *new Rig;

/// 96 huge pages at the start, none when 4 KiB pages are asked for.
class RealMemory : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pages_ = new testing_support::HugePages(96);
    std::printf("huge pages: %s\n", pages_->granted() ? "granted" : "none, 4 KiB pages");
    if (!rig.arena.is_open()) rig.start(Observation::kNone, backing::Exactness::kPace);
  }
  static void TearDownTestSuite() {
    delete pages_;
    pages_ = nullptr;
  }
  void SetUp() override {
    if (rig.missing[0] != '\0') GTEST_SKIP() << rig.missing;
    if (!rig.exchange.possible()) GTEST_SKIP() << "userfaultfd for write protection is missing";
  }

  static inline testing_support::HugePages* pages_ = nullptr;
};

TEST_F(RealMemory, PlacedMemoryIsZeroAndKeepsItsData) {
  Object* object = rig.map_placed({kPlain, kEmulated, kEmulated, kPlain, kEmulated});
  EXPECT_EQ(object->pages, Pages::kPlaced);
  EXPECT_TRUE(is_zero(rig.at(*object), 5 * kBlock));
  fill(rig.at(*object), 5 * kBlock, 1);
  for (int pass = 0; pass < 20; ++pass) ASSERT_TRUE(holds(rig.at(*object), 5 * kBlock, 1));
  rig.end(object);
}

TEST_F(RealMemory, OrdinaryMemoryIsZeroAndOnNoTier) {
  Object* object = rig.map_ordinary({kNoTier, kNoTier});
  EXPECT_EQ(object->pages, Pages::kOrdinary);
  EXPECT_TRUE(is_zero(rig.at(*object), 2 * kBlock));
  fill(rig.at(*object), 2 * kBlock, 7);
  EXPECT_TRUE(holds(rig.at(*object), 2 * kBlock, 7));
  rig.end(object);
}

TEST_F(RealMemory, AddressSpaceIsZeroAgainForTheNextObject) {
  Object* object = rig.map_placed({kEmulated, kPlain});
  fill(rig.at(*object), 2 * kBlock, 1);
  const std::uint32_t first = object->first_block;
  rig.end(object);
  Object* again = rig.map_placed({kPlain, kEmulated});
  ASSERT_EQ(again->first_block, first);
  EXPECT_TRUE(is_zero(rig.at(*again), 2 * kBlock));
  rig.end(again);
}

TEST_F(RealMemory, LatePlacementLosesNoWrite) {
  for (int round = 0; round < 8; ++round) {
    Object* object = rig.map_ordinary({kEmulated, kPlain, kEmulated, kEmulated});
    Writer writer(rig.at(*object), 4 * kBlock);
    writer.wait_for_round(2);
    EXPECT_EQ(rig.exchange.place(rig.extents, *object), 0);
    EXPECT_EQ(object->pages, Pages::kPlaced);
    writer.wait_for_round(writer.round() + 2);
    writer.stop_and_check();
    rig.end(object);
  }
}

TEST_F(RealMemory, MakingBlocksPrivateLosesNoWrite) {
  for (int round = 0; round < 8; ++round) {
    Object* object = rig.map_placed({kEmulated, kEmulated, kPlain, kEmulated});
    Writer writer(rig.at(*object), 4 * kBlock);
    writer.wait_for_round(2);
    EXPECT_EQ(rig.exchange.make_private(rig.extents, *object, object->first_block, 3), 0);
    writer.wait_for_round(writer.round() + 2);
    writer.stop_and_check();
    const std::uint8_t* tiers = rig.arena.tiers_of(*object);
    EXPECT_EQ(tiers[0], kNoTier);
    EXPECT_EQ(tiers[1], kNoTier);
    EXPECT_EQ(tiers[2], kPlain);
    EXPECT_EQ(tiers[3], kEmulated) << "outside of what was asked";
    rig.end(object);
  }
}

TEST_F(RealMemory, LatePlacementOfUntouchedMemoryIsZero) {
  Object* object = rig.map_ordinary({kEmulated, kEmulated});
  rig.at(*object)[kBlock + 5] = 9;
  ASSERT_EQ(rig.exchange.place(rig.extents, *object), 0);
  EXPECT_TRUE(is_zero(rig.at(*object), kBlock));
  EXPECT_EQ(rig.at(*object)[kBlock + 5], 9);
  rig.end(object);
}

/// The child's exit status says what it saw: 0 when `child` returned true.
template <typename Child>
int in_child(Child child) {
  return testing_support::status_of_child([&] {
    rig.links.abandon_in_child();
    rig.exchange.close();
    return child() ? 0 : 1;
  });
}

TEST_F(RealMemory, FrozenObjectPartsParentAndChild) {
  Object* object = rig.map_placed({kEmulated, kPlain, kEmulated});
  char* const at = rig.at(*object);
  fill(at, 3 * kBlock, 1);
  ASSERT_EQ(rig.exchange.freeze(rig.extents, *object, 0), 0);
  EXPECT_EQ(object->pages, Pages::kFrozen);
  int to_child[2];
  ASSERT_EQ(pipe(to_child), 0);
  rig.links.lock_for_fork();
  const pid_t pid = fork();
  if (pid == 0) {
    rig.links.abandon_in_child();
    char go = 0;
    const bool told = read(to_child[0], &go, 1) == 1;
    const bool snapshot = static_cast<bool>(holds(at, 3 * kBlock, 1));
    fill(at, 3 * kBlock, 3);
    _exit(told && snapshot && holds(at, 3 * kBlock, 3) ? 0 : 1);
  }
  rig.links.unlock_after_fork();
  fill(at, 3 * kBlock, 2);
  ASSERT_EQ(write(to_child[1], "g", 1), 1);
  int status = -1;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0) << "the child saw what the parent wrote after the fork";
  EXPECT_TRUE(holds(at, 3 * kBlock, 2)) << "the child's writes changed the parent";
  close(to_child[0]);
  close(to_child[1]);
  rig.end(object);
}

TEST_F(RealMemory, FreezingUnderAWriterLosesNoWrite) {
  for (int round = 0; round < 8; ++round) {
    Object* object = rig.map_placed({kEmulated, kEmulated});
    Writer writer(rig.at(*object), 2 * kBlock);
    writer.wait_for_round(2);
    EXPECT_EQ(rig.exchange.freeze(rig.extents, *object, 0), 0);
    writer.wait_for_round(writer.round() + 2);
    writer.stop_and_check();
    rig.end(object);
  }
}

TEST_F(RealMemory, FreezingCopiesNowWhenHugePagesCouldBeShort) {
  Object* object = rig.map_placed({kEmulated, kPlain, kEmulated});
  if (object->page_kind != os::PageKind::kHuge) GTEST_SKIP() << "2 MiB pages are missing";
  fill(rig.at(*object), 3 * kBlock, 8);
  // More than any pool or limit of huge pages gives.
  const std::uint64_t promised_elsewhere = std::uint64_t{1} << 40;
  ASSERT_EQ(rig.exchange.freeze(rig.extents, *object, promised_elsewhere), 0);
  EXPECT_FALSE(rig.extents.any_shared(*object));
  EXPECT_TRUE(holds(rig.at(*object), 3 * kBlock, 8));
  rig.end(object);
}

TEST_F(RealMemory, FrozenReadOnlyObjectStaysReadOnly) {
  Object* object = rig.map_placed({kEmulated, kEmulated});
  fill(rig.at(*object), 2 * kBlock, 8);
  object->read_only = true;
  ASSERT_EQ(rig.exchange.freeze(rig.extents, *object, 0), 0);
  EXPECT_TRUE(holds(rig.at(*object), 2 * kBlock, 8));
  EXPECT_EXIT(rig.at(*object)[5] = 1, testing::KilledBySignal(SIGSEGV), "");
  rig.end(object);
}

TEST_F(RealMemory, FrozenBlocksBecomePrivateWithTheirData) {
  Object* object = rig.map_placed({kEmulated, kEmulated});
  fill(rig.at(*object), 2 * kBlock, 4);
  ASSERT_EQ(rig.exchange.freeze(rig.extents, *object, 0), 0);
  ASSERT_EQ(rig.exchange.make_private(rig.extents, *object, object->first_block, 2), 0);
  EXPECT_TRUE(holds(rig.at(*object), 2 * kBlock, 4));
  EXPECT_EQ(os::protect(rig.at(*object) + 4096, Bytes(4096), 1), 0) << "by single pages again";
  rig.end(object);
}

TEST_F(RealMemory, ChildWithoutFreezeStillReadsPlainBlocks) {
  Object* object = rig.map_placed({kPlain, kPlain});
  fill(rig.at(*object), 2 * kBlock, 5);
  rig.links.lock_for_fork();
  const int status = in_child([&] {
    const bool same = static_cast<bool>(holds(rig.at(*object), 2 * kBlock, 5));
    fill(rig.at(*object), 2 * kBlock, 6);
    return same;
  });
  rig.links.unlock_after_fork();
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(holds(rig.at(*object), 2 * kBlock, 5));
  rig.end(object);
}

TEST_F(RealMemory, MakingBlocksPrivateLeavesNoMappingBehind) {
  const auto mappings = [] {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    int count = 0;
    while (std::getline(maps, line)) ++count;
    return count;
  };
  Object* object = rig.map_placed(std::vector<std::uint8_t>(16, kEmulated));
  fill(rig.at(*object), 16 * kBlock, 1);
  ASSERT_EQ(rig.exchange.make_private(rig.extents, *object, object->first_block, 1), 0);
  rig.end(object);
  const int before = mappings();
  for (int round = 0; round < 5; ++round) {
    object = rig.map_placed(std::vector<std::uint8_t>(16, kEmulated));
    fill(rig.at(*object), 16 * kBlock, 1);
    EXPECT_EQ(rig.exchange.make_private(rig.extents, *object, object->first_block, 16), 0);
    EXPECT_TRUE(holds(rig.at(*object), 16 * kBlock, 1));
    rig.end(object);
  }
  EXPECT_LE(mappings(), before + 8)
      << "80 blocks were exchanged; a sanitizer maps a few of its own";
}

TEST_F(RealMemory, WithoutHugePagesObjectsUseSmallOnesAndAreCounted) {
  const std::uint64_t before = rig.extents.counters().small_page_objects.load();
  // More than the machine can have as huge pages: reserving them fails when they are mapped.
  const auto blocks = static_cast<std::size_t>(os::physical_memory().value / kBlock) + 64;
  Object* object = rig.map_placed(std::vector<std::uint8_t>(blocks, kEmulated));
  EXPECT_EQ(object->page_kind, os::PageKind::kSmall);
  EXPECT_EQ(rig.extents.counters().small_page_objects.load(), before + 1);
  fill(rig.at(*object), 4 * kBlock, 1);
  for (int pass = 0; pass < 5; ++pass) EXPECT_TRUE(holds(rig.at(*object), 4 * kBlock, 1));
  rig.end(object);
}

}  // namespace
}  // namespace terrace::extent::tiered_extent_test
