// SPDX-License-Identifier: Apache-2.0
// DAX on a real kernel, shared: two processes, a killed one, a full file system.
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include "tests/lab/dax_place.h"
#include "tests/unit/backing/pool_file.h"
#include "tests/unit/backing/pool_holder.h"

namespace terrace::backing {
namespace {

using testing_support::DaxPlace;
using testing_support::kFileBlocks;
using testing_support::PoolHolder;
using testing_support::Room;

using DaxSharing = DaxPlace;

TEST_F(DaxSharing, TwoProcessesNeverHaveOneBlock) {
  open(pool_);
  PoolHolder other(path_, kFileBlocks);
  const PoolRun theirs = other.claim(2);
  const PoolRun ours = pool_.claim(3);
  EXPECT_EQ(theirs.first, 0u);
  EXPECT_EQ(ours.first, 2u);
  EXPECT_EQ(other.claim(1).first, 5u);
  other.fill(theirs, 0x11);
  const Room room(3);
  ASSERT_EQ(pool_.map(room.at(), ours), 0);
  room.at()[0] = 0x22;
  other.fill({5, 1}, 0x33);
  EXPECT_EQ(room.at()[0], 0x22);
  EXPECT_EQ(pool_.claim(kFileBlocks).count, 2u);
  EXPECT_EQ(pool_.claim(1).count, 0u);
  other.give_back(theirs);
  const PoolRun freed = pool_.claim(kFileBlocks);
  EXPECT_EQ(freed.first, 0u);
  EXPECT_EQ(freed.count, 2u);
  ASSERT_EQ(pool_.map(room.at(), {0, 1}), 0);
  EXPECT_EQ(room.at()[0], 0x11) << "what it held before is still there";
}

TEST_F(DaxSharing, KilledHolderLeavesNothingLost) {
  open(pool_);
  for (int round = 0; round < 3; ++round) {
    PoolHolder other(path_, kFileBlocks);
    const PoolRun theirs = other.claim(kFileBlocks);
    EXPECT_EQ(theirs.count, kFileBlocks);
    other.fill({0, 1}, round);
    EXPECT_EQ(pool_.claim(1).count, 0u);
    other.kill();
    const PoolRun ours = pool_.claim(kFileBlocks);
    EXPECT_EQ(ours.count, kFileBlocks);
    pool_.give_back(ours);
  }
}

/// More than the file system has: the claims end, and no store that they allowed is SIGBUS.
TEST_F(DaxSharing, FullFilesystemEndsTheClaims) {
  if (is_device_) GTEST_SKIP() << "a device has no file system to fill";
  struct statvfs before {};
  ASSERT_EQ(statvfs(testing_support::kDaxMount, &before), 0);
  BlockPool pool;
  const Status opened = pool.open(testing_support::kDaxMount, GiB(4), Bytes());
  ASSERT_TRUE(opened) << opened.error().message;
  std::uint64_t total = 0;
  PoolRun last;
  for (PoolRun run = pool.claim(16); run.count != 0; run = pool.claim(16)) {
    total += run.count;
    last = run;
  }
  const auto blocks = [&](fsblkcnt_t count) { return count * before.f_frsize >> kBlockShift; };
  EXPECT_LE(total, blocks(before.f_bfree));
  EXPECT_GE(total + 1, blocks(before.f_bavail)) << "but for the map of its own extents";
  const Room room(last.count);
  ASSERT_EQ(pool.map(room.at(), last), 0);
  for (std::uint64_t at = 0; at < std::uint64_t{last.count} << kBlockShift; at += 4096) {
    ASSERT_EQ(room.at()[at], 0);
    room.at()[at] = 1;
  }
  pool.give_back(last);
  EXPECT_EQ(pool.claim(last.count).count, last.count);
  pool.close();
}

TEST_F(DaxSharing, KilledHolderOfAFolderGivesItsStorageBack) {
  if (is_device_) GTEST_SKIP() << "a device has no storage to give back";
  const auto free_blocks = [] {
    struct statvfs now {};
    EXPECT_EQ(statvfs(testing_support::kDaxMount, &now), 0);
    return now.f_bfree * now.f_frsize >> kBlockShift;
  };
  const auto before = free_blocks();
  PoolHolder other(testing_support::kDaxMount, 30);
  other.fill(other.claim(30), 1);
  EXPECT_LE(free_blocks(), before - 30);
  other.kill();
  EXPECT_EQ(free_blocks(), before);
}

}  // namespace
}  // namespace terrace::backing
