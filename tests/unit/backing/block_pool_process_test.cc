// SPDX-License-Identifier: Apache-2.0
// Several processes share a pool: no block has two holders, and who is killed holds none.
#include <gtest/gtest.h>

#include <vector>

#include "allocators/backing/block_pool.h"
#include "tests/unit/backing/pool_file.h"
#include "tests/unit/backing/pool_holder.h"

namespace terrace::backing::block_pool_process_test {
namespace {

using testing_support::Folder;
using testing_support::PoolHolder;
using testing_support::Room;

constexpr std::uint32_t kBlocks = 24;

void take(std::vector<int>& holders, PoolRun run, int who) {
  for (std::uint32_t i = 0; i < run.count; ++i) {
    EXPECT_EQ(holders[run.first + i], 0) << "block " << run.first + i;
    holders[run.first + i] = who;
  }
}

TEST(BlockPoolProcesses, ClaimsOfThreeProcessesNeverOverlap) {
  const Folder folder;
  const std::string path = folder.file("f", kBlocks);
  PoolHolder first(path, 0);
  PoolHolder second(path, 0);
  BlockPool own;
  ASSERT_TRUE(own.open(path.c_str(), Bytes(), Bytes()));
  std::vector<int> holders(kBlocks);
  std::uint32_t total = 0;
  for (std::uint32_t round = 0; round < kBlocks; ++round) {
    const PoolRun runs[] = {first.claim(1 + round % 3), second.claim(2), own.claim(1 + round % 2)};
    for (int who = 0; who < 3; ++who) {
      take(holders, runs[who], who + 1);
      total += runs[who].count;
    }
  }
  EXPECT_EQ(total, kBlocks) << "all of it is somebody's";
  first.give_back({0, 1});
  const PoolRun again = second.claim(4);
  EXPECT_EQ(again.first, 0u);
  EXPECT_EQ(again.count, 1u);
  own.close();
}

TEST(BlockPoolProcesses, KilledHoldersBlocksCanBeClaimedAtOnce) {
  const Folder folder;
  const std::string path = folder.file("f", kBlocks);
  BlockPool own;
  ASSERT_TRUE(own.open(path.c_str(), Bytes(), Bytes()));
  for (int round = 0; round < 5; ++round) {
    PoolHolder other(path, 0);
    const PoolRun run = other.claim(kBlocks);
    EXPECT_EQ(run.count, kBlocks);
    other.fill({run.first, 2}, 0x77);  // it has them mapped when it dies
    EXPECT_EQ(own.claim(kBlocks).count, 0u);
    other.kill();
    const PoolRun freed = own.claim(kBlocks);
    ASSERT_EQ(freed.count, kBlocks);
    const Room room(1);
    ASSERT_EQ(own.map(room.at(), {run.first, 1}), 0);
    EXPECT_EQ(room.at()[0], 0x77) << "the same file, whose blocks clear() is for";
    own.give_back(freed);
  }
  own.close();
}

TEST(BlockPoolProcesses, EachProcessHasAFolderToItself) {
  const Folder folder;
  PoolHolder other(folder.path(), 4);
  BlockPool own;
  ASSERT_TRUE(own.open(folder.path().c_str(), Bytes(4 * kBlockBytes.value), Bytes()));
  EXPECT_EQ(other.claim(4).count, 4u);
  EXPECT_EQ(own.claim(4).count, 4u);
  other.fill({0, 4}, 1);
  const Room room(4);
  ASSERT_EQ(own.map(room.at(), {0, 4}), 0);
  EXPECT_EQ(room.at()[0], 0);
  own.close();
}

}  // namespace
}  // namespace terrace::backing::block_pool_process_test
