// SPDX-License-Identifier: Apache-2.0
// Watched memory as a library's user has it, without the shim: blocks of a cache whose owner can
// make them anew are reported lost, one by one; the others live.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "allocators/os/files.h"
#include "allocators/os/memory_error.h"
#include "tests/fault/poison.h"

namespace terrace::os {
namespace {

constexpr std::size_t kBlock = 64 << 10;
constexpr int kBlocks = 3;

/// An engine's blocks of keys and values, and which of them it must compute again.
struct Cache {
  char* blocks = nullptr;
  volatile sig_atomic_t lost[kBlocks] = {};
  volatile sig_atomic_t reports = 0;

  static void on_loss(void* self, char* at, Bytes size) {
    auto& cache = *static_cast<Cache*>(self);
    cache.reports = cache.reports + 1;
    for (int i = 0; i < kBlocks; ++i) {
      const char* const block = cache.blocks + i * kBlock;
      if (at < block + kBlock && at + size.value > block) cache.lost[i] = 1;
    }
  }
  void compute(int block) const { std::memset(blocks + block * kBlock, 'a' + block, kBlock); }
  bool holds(int block) const {
    for (std::size_t i = 0; i < kBlock; ++i) {
      if (blocks[block * kBlock + i] != 'a' + block) return false;
    }
    return true;
  }
};

class WatchedMemory : public testing::Test {
 protected:
  void SetUp() override {
    void* mapped =
        mmap(nullptr, kBlocks * kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    cache_.blocks = static_cast<char*>(mapped);
    for (int i = 0; i < kBlocks; ++i) cache_.compute(i);
  }
  void TearDown() override { munmap(cache_.blocks, kBlocks * kBlock); }
  os::WatchedMemory of_cache() {
    os::WatchedMemory memory;
    memory.at = cache_.blocks;
    memory.size = Bytes(kBlocks * kBlock);
    memory.on_loss = OnLoss::kReport;
    memory.lost = &Cache::on_loss;
    memory.context = &cache_;
    return memory;
  }
  Cache cache_;
};

TEST_F(WatchedMemory, LostBlockIsReportedAndTheOthersLive) {
  const auto watched = watch_memory(of_cache());
  ASSERT_TRUE(watched) << watched.error().message;
  const std::uint64_t errors = memory_error_counters().errors.load();
  if (const char* missing = testing_support::poison(cache_.blocks + kBlock + 4096, 4096)) {
    GTEST_SKIP() << missing;
  }
  EXPECT_FALSE(cache_.holds(1)) << "the lost page reads as zero";
  EXPECT_EQ(cache_.reports, 1);
  EXPECT_EQ(cache_.lost[0], 0);
  EXPECT_EQ(cache_.lost[1], 1);
  EXPECT_EQ(cache_.lost[2], 0);
  EXPECT_TRUE(cache_.holds(0));
  EXPECT_TRUE(cache_.holds(2));
  EXPECT_EQ(cache_.blocks[kBlock + 4096], 0);
  EXPECT_EQ(cache_.blocks[kBlock + 4095], 'b') << "only the page is lost";
  cache_.compute(1);
  EXPECT_TRUE(cache_.holds(1));
  EXPECT_EQ(cache_.reports, 1) << "the new memory is healthy";
  EXPECT_EQ(memory_error_counters().errors.load(), errors + 1);
  EXPECT_EQ(memory_error_counters().not_mended.load(), 0u);
  unwatch_memory(*watched);
}

TEST_F(WatchedMemory, WhatIsNoLongerWatchedIsTheProgramsOwn) {
  EXPECT_EXIT(
      {
        const auto watched = watch_memory(of_cache());
        if (!watched) _exit(1);
        unwatch_memory(*watched);
        if (testing_support::poison(cache_.blocks, 4096) != nullptr) raise(SIGBUS);
        _exit(*static_cast<volatile char*>(cache_.blocks));
      },
      testing::KilledBySignal(SIGBUS), "");
}

TEST_F(WatchedMemory, RangesBeyondTheTableAreRefused) {
  std::vector<WatchId> ids;
  for (;;) {
    const auto watched = watch_memory(of_cache());
    if (!watched) {
      EXPECT_EQ(watched.error().code, ErrorCode::kUsage);
      break;
    }
    ids.push_back(*watched);
    ASSERT_LE(ids.size(), 1024u);
  }
  EXPECT_EQ(ids.size(), 1024u);
  for (const WatchId id : ids) unwatch_memory(id);
  const auto again = watch_memory(of_cache());
  ASSERT_TRUE(again);
  unwatch_memory(*again);
}

}  // namespace
}  // namespace terrace::os
