// SPDX-License-Identifier: Apache-2.0
// Placing objects on DAX tiers while one system call after the other fails, or all from one on:
// the blocks go elsewhere or nothing is mapped, the data is right, nothing stays held.
#include <gmock/gmock.h>

#include <cerrno>

#include "allocators/os/fault_point.h"
#include "tests/fault/failing_call.h"
#include "tests/fault/process_state.h"
#include "tests/unit/extent/pool_rig.h"

namespace terrace::extent::pool_fault_test {
namespace {

using os::inject_fault;
using os::SystemCall;
using ::testing::ElementsAre;
using testing_support::FailingCall;

constexpr std::uint64_t kBlock = kBlockBytes.value;
constexpr int kDeep = 12;  ///< failing uses of one call; more than any operation here makes

constexpr FailingCall kFaults[] = {
    {SystemCall::kMmap, ENOMEM, "mmap"},
    {SystemCall::kFallocate, ENOSPC, "fallocate"},
    {SystemCall::kFileLock, ENOLCK, "lock"},
    {SystemCall::kUserfaultIoctl, ENOMEM, "userfaultfd_ioctl"},
    {SystemCall::kMremap, ENOMEM, "mremap"},
    {SystemCall::kThreadCreate, EAGAIN, "thread"},
};

class PoolFault : public testing::TestWithParam<FailingCall> {
 protected:
  void TearDown() override { disarm(); }
  static void arm(int nth) { inject_fault(GetParam().call, nth, GetParam().error); }
  static void disarm() { inject_fault(GetParam().call, 0, 0); }
  /// Every object is gone: so are its blocks and its capacity.
  static void expect_nothing_held(PoolRig& rig) {
    for (const std::uint8_t tier : {kPlain, kFile, kFolder}) {
      EXPECT_EQ(rig.held(tier), 0u);
      EXPECT_EQ(rig.capacity.used_blocks(tier), 0u);
    }
  }
  static void map_and_end(PoolRig& rig, Object* object, int error) {
    if (error == 0) {
      EXPECT_TRUE(is_zero(rig.at(*object), 4 * kBlock));
      fill(rig.at(*object), 4 * kBlock, 1);
      EXPECT_TRUE(holds(rig.at(*object), 4 * kBlock, 1));
      rig.end(object);
      return;
    }
    for (std::uint64_t i = 0; i < 4; ++i) {
      EXPECT_FALSE(testing_support::readable(rig.at(*object) + i * kBlock));
    }
    rig.give_back_capacity(*object);
    rig.arena.release(*object);
  }
};

TEST_P(PoolFault, AMappingThatFailsLeavesNothing) {
  const auto rig = std::make_unique<PoolRig>();
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig->carve({kFile, kFile, kFolder, kPlain});
    arm(nth);
    const int error = rig->extents.map_placed(*object);
    disarm();
    map_and_end(*rig, object, error);
    expect_nothing_held(*rig);
  }
}

TEST_P(PoolFault, LatePlacementThatFailsKeepsTheData) {
  const auto rig = std::make_unique<PoolRig>();
  if (!rig->exchange.possible()) GTEST_SKIP() << "userfaultfd for kernel faults is missing";
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig->map_ordinary({kFile, kFolder, kFile});
    fill(rig->at(*object), 3 * kBlock, 1);
    arm(nth);
    rig->extents.pools().reserve(*object);
    const auto reserved = rig->tiers_of(*object);
    rig->exchange.place(rig->extents, *object);
    disarm();
    EXPECT_TRUE(holds(rig->at(*object), 3 * kBlock, 1));
    fill(rig->at(*object), 3 * kBlock, 2);
    EXPECT_TRUE(holds(rig->at(*object), 3 * kBlock, 2));
    const auto placed = rig->tiers_of(*object);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (placed[i] == kNoTier && reserved[i] != kNoTier) rig->capacity.give_back(reserved[i]);
    }
    rig->end(object);
    expect_nothing_held(*rig);
  }
}

TEST_P(PoolFault, MakingPrivateThatFailsKeepsTheData) {
  const auto rig = std::make_unique<PoolRig>();
  for (int nth = 1; nth <= kDeep; ++nth) {
    SCOPED_TRACE(nth);
    Object* object = rig->map_placed({kFile, kFile, kFolder});
    fill(rig->at(*object), 3 * kBlock, 1);
    const auto before = rig->tiers_of(*object);
    arm(nth);
    rig->exchange.make_private(rig->extents, *object, object->first_block, 3);
    disarm();
    EXPECT_TRUE(holds(rig->at(*object), 3 * kBlock, 1));
    fill(rig->at(*object), 3 * kBlock, 2);
    EXPECT_TRUE(holds(rig->at(*object), 3 * kBlock, 2));
    const auto after = rig->tiers_of(*object);
    for (std::size_t i = 0; i < after.size(); ++i) {
      if (after[i] == kNoTier) rig->capacity.give_back(before[i]);
    }
    rig->end(object);
    expect_nothing_held(*rig);
  }
}

INSTANTIATE_TEST_SUITE_P(Call, PoolFault, testing::ValuesIn(kFaults), testing_support::name_of);

TEST(PoolFaults, AFullFilesystemSpills) {
  const auto rig = std::make_unique<PoolRig>();
  inject_fault(SystemCall::kFallocate, 1, ENOSPC, os::Fails::kFromThenOn);
  Object* object = rig->map_placed({kFile, kFolder, kFile});
  inject_fault(SystemCall::kFallocate, 0, 0);
  EXPECT_THAT(rig->tiers_of(*object), ElementsAre(kPlain, kPlain, kPlain));
  EXPECT_EQ(rig->capacity.spilled_blocks(), 4u) << "two to the folder's tier and all from there";
  EXPECT_FALSE(object->shared);
  rig->end(object);
}

TEST(PoolFaults, APoolThatCannotBeMappedCountsAsEmpty) {
  const auto rig = std::make_unique<PoolRig>();
  Object* object = rig->carve({kFile, kFile, kFolder});
  inject_fault(SystemCall::kMmap, 1, ENXIO);
  EXPECT_EQ(rig->extents.map_placed(*object), 0);
  inject_fault(SystemCall::kMmap, 0, 0);
  EXPECT_THAT(rig->tiers_of(*object), ElementsAre(kFolder, kFolder, kFolder));
  EXPECT_EQ(rig->held(kFile), 0u);
  EXPECT_TRUE(is_zero(rig->at(*object), 3 * kBlock));
  rig->end(object);
}

}  // namespace
}  // namespace terrace::extent::pool_fault_test
