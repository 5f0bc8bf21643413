// SPDX-License-Identifier: Apache-2.0
// Objects on DAX tiers: zeroed, spilled, given back, exchanged under writers, parted by fork.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "tests/child_process.h"
#include "tests/unit/extent/pool_rig.h"
#include "tests/unit/extent/writer.h"

namespace terrace::extent::pool_blocks_test {
namespace {

using ::testing::ElementsAre;

constexpr std::uint64_t kBlock = kBlockBytes.value;

class DaxObjects : public testing::Test {
 protected:
  std::unique_ptr<PoolRig> owner_ = std::make_unique<PoolRig>();
  PoolRig& rig_ = *owner_;
};

TEST_F(DaxObjects, AreZeroAndKeepTheirData) {
  Object* object = rig_.map_placed({kPlain, kFile, kFile, kFolder, kPlain, kFile});
  EXPECT_TRUE(object->shared);
  EXPECT_TRUE(is_zero(rig_.at(*object), 6 * kBlock));
  fill(rig_.at(*object), 6 * kBlock, 1);
  EXPECT_TRUE(holds(rig_.at(*object), 6 * kBlock, 1));
  EXPECT_EQ(rig_.held(kFile), 3u);
  EXPECT_EQ(rig_.held(kFolder), 1u);
  rig_.end(object);
  EXPECT_EQ(rig_.held(kFile), 0u);
  EXPECT_EQ(rig_.held(kFolder), 0u);
}

TEST_F(DaxObjects, ReusedBlocksAreZeroAgain) {
  const std::vector<std::uint8_t> tiers(8, kFile);
  for (std::uint64_t round = 1; round <= 3; ++round) {
    Object* object = rig_.map_placed(tiers);
    EXPECT_TRUE(is_zero(rig_.at(*object), 8 * kBlock)) << round;
    fill(rig_.at(*object), 8 * kBlock, round);
    rig_.end(object);
  }
}

TEST_F(DaxObjects, WithoutDaxBlocksArePrivate) {
  Object* object = rig_.map_placed({kPlain, kPlain});
  EXPECT_FALSE(object->shared);
  rig_.end(object);
}

TEST_F(DaxObjects, WhatAnotherHolderTookSpillsToTheNextTier) {
  backing::BlockPool other;
  ASSERT_TRUE(other.open(rig_.path.c_str(), Bytes(), KiB(4)));
  ASSERT_EQ(other.claim(6).count, 6u);
  Object* object = rig_.map_placed({kFile, kFile, kFile, kFile});
  EXPECT_THAT(rig_.tiers_of(*object), ElementsAre(kFile, kFile, kFolder, kFolder));
  EXPECT_EQ(rig_.capacity.used_blocks(kFile), 2u);
  EXPECT_EQ(rig_.capacity.used_blocks(kFolder), 2u);
  EXPECT_EQ(rig_.capacity.spilled_blocks(), 2u);
  EXPECT_TRUE(is_zero(rig_.at(*object), 4 * kBlock));
  fill(rig_.at(*object), 4 * kBlock, 5);
  EXPECT_TRUE(holds(rig_.at(*object), 4 * kBlock, 5));
  rig_.end(object);
  EXPECT_EQ(rig_.capacity.used_blocks(kFolder), 0u);
  other.close();
}

TEST_F(DaxObjects, BlocksInPiecesAreOneObject) {
  // Every second block of the file is another's.
  backing::BlockPool other;
  ASSERT_TRUE(other.open(rig_.path.c_str(), Bytes(), KiB(4)));
  ASSERT_EQ(other.claim(8).count, 8u);
  for (std::uint32_t block = 0; block < 8; block += 2) other.give_back({block, 1});
  Object* object = rig_.map_placed({kFile, kFile, kFile, kFile});
  EXPECT_THAT(rig_.tiers_of(*object), ElementsAre(kFile, kFile, kFile, kFile));
  EXPECT_TRUE(is_zero(rig_.at(*object), 4 * kBlock));
  fill(rig_.at(*object), 4 * kBlock, 9);
  EXPECT_TRUE(holds(rig_.at(*object), 4 * kBlock, 9));
  rig_.end(object);
  other.close();
}

TEST_F(DaxObjects, WithNoRoomAnywhereNothingIsMappedOrHeld) {
  Object* plain = rig_.map_placed(std::vector<std::uint8_t>(16, kPlain));
  Object* folder = rig_.map_placed(std::vector<std::uint8_t>(8, kFolder));
  backing::BlockPool other;
  ASSERT_TRUE(other.open(rig_.path.c_str(), Bytes(), KiB(4)));
  ASSERT_EQ(other.claim(7).count, 7u);
  Object* object = rig_.carve({kFile, kFile});
  EXPECT_EQ(rig_.extents.map_placed(*object), ENOMEM);
  EXPECT_EQ(rig_.held(kFile), 0u);
  rig_.give_back_capacity(*object);
  EXPECT_EQ(rig_.capacity.used_blocks(kFile), 0u);
  rig_.arena.release(*object);
  rig_.end(plain);
  rig_.end(folder);
  other.close();
}

TEST_F(DaxObjects, PartsCanBeUnmapped) {
  Object* object = rig_.map_placed({kFile, kFile, kFolder});
  fill(rig_.at(*object) + kBlock, 2 * kBlock, 1);
  rig_.extents.unmap_blocks(*object, object->first_block, 1);
  EXPECT_EQ(rig_.held(kFile), 1u);
  EXPECT_TRUE(holds(rig_.at(*object) + kBlock, 2 * kBlock, 1));
  rig_.end(object);
  EXPECT_EQ(rig_.held(kFile), 0u);
}

class DaxExchange : public DaxObjects {
 protected:
  void SetUp() override {
    if (!rig_.exchange.possible()) GTEST_SKIP() << "userfaultfd for kernel faults is missing";
  }
};

TEST_F(DaxExchange, LatePlacementLosesNoWrite) {
  for (int round = 0; round < 4; ++round) {
    Object* object = rig_.map_ordinary({kFile, kFolder, kPlain, kFile});
    Writer writer(rig_.at(*object), 4 * kBlock);
    writer.wait_for_round(2);
    EXPECT_EQ(rig_.extents.pools().reserve(*object), 0);
    EXPECT_EQ(rig_.exchange.place(rig_.extents, *object), 0);
    EXPECT_EQ(object->pages, Pages::kPlaced);
    EXPECT_EQ(rig_.held(kFile), 2u);
    writer.wait_for_round(writer.round() + 2);
    writer.stop_and_check();
    rig_.end(object);
  }
}

TEST_F(DaxExchange, LatePlacementSpillsWhatThePoolLacks) {
  backing::BlockPool other;
  ASSERT_TRUE(other.open(rig_.path.c_str(), Bytes(), KiB(4)));
  ASSERT_EQ(other.claim(7).count, 7u);
  Object* object = rig_.map_ordinary({kFile, kFile});
  fill(rig_.at(*object), 2 * kBlock, 3);
  EXPECT_EQ(rig_.extents.pools().reserve(*object), 0);
  EXPECT_EQ(rig_.exchange.place(rig_.extents, *object), 0);
  EXPECT_THAT(rig_.tiers_of(*object), ElementsAre(kFile, kFolder));
  EXPECT_TRUE(holds(rig_.at(*object), 2 * kBlock, 3));
  rig_.end(object);
  other.close();
}

TEST_F(DaxExchange, MakingBlocksPrivateLosesNoWriteAndGivesThemBack) {
  for (int round = 0; round < 4; ++round) {
    Object* object = rig_.map_placed({kFile, kFile, kPlain, kFolder});
    Writer writer(rig_.at(*object), 4 * kBlock);
    writer.wait_for_round(2);
    EXPECT_EQ(rig_.exchange.make_private(rig_.extents, *object, object->first_block, 3), 0);
    writer.wait_for_round(writer.round() + 2);
    writer.stop_and_check();
    EXPECT_THAT(rig_.tiers_of(*object), ElementsAre(kNoTier, kNoTier, kPlain, kFolder));
    EXPECT_EQ(rig_.held(kFile), 0u);
    EXPECT_EQ(rig_.held(kFolder), 1u);
    rig_.capacity.give_back(kFile);
    rig_.capacity.give_back(kFile);
    rig_.end(object);
  }
}

/// What a fork does, with the runtime's brackets around it.
template <typename Child>
int status_of_child(PoolRig& rig, Child child) {
  return testing_support::status_of_child([&] {
    rig.exchange.close();
    rig.extents.pools().abandon_in_child();
    return child() ? 0 : 1;
  });
}

TEST_F(DaxExchange, AFrozenObjectPartsParentAndChild) {
  Object* object = rig_.map_placed({kFile, kPlain, kFolder});
  char* const at = rig_.at(*object);
  fill(at, 3 * kBlock, 1);
  ASSERT_EQ(rig_.exchange.freeze(rig_.extents, *object, 0), 0);
  EXPECT_EQ(object->pages, Pages::kFrozen);
  const int status = status_of_child(rig_, [&] {
    const bool snapshot = static_cast<bool>(holds(at, 3 * kBlock, 1));
    fill(at, 3 * kBlock, 3);
    return snapshot && holds(at, 3 * kBlock, 3);
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(holds(at, 3 * kBlock, 1)) << "the child's writes changed the parent";
  fill(at, 3 * kBlock, 2);
  EXPECT_TRUE(holds(at, 3 * kBlock, 2));
  rig_.end(object);
}

TEST_F(DaxExchange, BlocksOfAFrozenObjectStayClaimed) {
  Object* object = rig_.map_placed(std::vector<std::uint8_t>(6, kFile));
  char* const at = rig_.at(*object);
  fill(at, 6 * kBlock, 1);
  ASSERT_EQ(rig_.exchange.freeze(rig_.extents, *object, 0), 0);
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    rig_.extents.pools().abandon_in_child();
    char told = 0;
    const bool waited = read(go[0], &told, 1) == 1;
    _exit(waited && holds(at, 6 * kBlock, 1) ? 0 : 1);
  }
  // The parent's part ends, and others want the room: what the child sees is not theirs.
  rig_.end(object);
  Object* next = rig_.map_placed({kFile, kFile, kFile, kFile});
  EXPECT_THAT(rig_.tiers_of(*next), ElementsAre(kFile, kFile, kFolder, kFolder));
  fill(rig_.at(*next), 4 * kBlock, 7);
  backing::BlockPool other;
  ASSERT_TRUE(other.open(rig_.path.c_str(), Bytes(), KiB(4)));
  EXPECT_EQ(other.claim(1).count, 0u);
  ASSERT_EQ(write(go[1], "g", 1), 1);
  int status = -1;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0) << "the child's data was overwritten";
  rig_.end(next);
  other.close();
  close(go[0]);
  close(go[1]);
}

TEST_F(DaxExchange, AReadOnlyObjectIsSharedWithTheChild) {
  Object* object = rig_.map_placed({kFile, kFolder});
  char* const at = rig_.at(*object);
  fill(at, 2 * kBlock, 1);
  object->read_only = true;
  ASSERT_EQ(rig_.exchange.freeze(rig_.extents, *object, 0), 0);
  EXPECT_EQ(rig_.held(kFile), 1u);
  EXPECT_EQ(status_of_child(rig_, [&] { return static_cast<bool>(holds(at, 2 * kBlock, 1)); }), 0);
  EXPECT_TRUE(holds(at, 2 * kBlock, 1));
  rig_.end(object);
}

TEST_F(DaxExchange, AChildPlacesOnPlainTiersAlone) {
  const int status = status_of_child(rig_, [&] {
    Object* object = rig_.carve({kFile, kFolder});
    const bool mapped = rig_.extents.map_placed(*object) == 0;
    const auto tiers = rig_.tiers_of(*object);
    fill(rig_.at(*object), 2 * kBlock, 1);
    return mapped && tiers[0] == kPlain && tiers[1] == kPlain &&
           holds(rig_.at(*object), 2 * kBlock, 1);
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(rig_.capacity.free_blocks(kFile), 8u);
}

}  // namespace
}  // namespace terrace::extent::pool_blocks_test
