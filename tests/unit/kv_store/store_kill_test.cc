// SPDX-License-Identifier: Apache-2.0
// Processes that are killed at any instant while they keep blocks: after each kill the pool opens,
// every record is whole, and what was acknowledged and not replaced since is there.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "allocators/kv/prefix_store.h"
#include "tests/logged_seed.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv::store_kill_test {
namespace {

using namespace testing_support;

constexpr Shape kShape{16, 4, KiB(4)};
constexpr std::uint32_t kLength = 6;
// A kill does not care where pages are, and waits for a disk would take most of the time.
constexpr const char* kPlace = "/dev/shm";

void tell(int to, std::uint64_t chain) {
  if (write(to, &chain, sizeof chain) != sizeof chain) _exit(3);
}

/// Keeps chain after chain, each in two calls, and says so; until it is killed. 0 says that the
/// store is open.
[[noreturn]] void keep_on(const StoreOptions& options, std::uint64_t chain, int told) {
  auto store = PrefixStore::open(options);
  if (!store) _exit(1);
  (*store)->wait_restored();  // while a full store is verified nothing may go
  tell(told, 0);
  for (;; ++chain) {
    const Chain half(kShape, chain, 0, kLength / 2);
    const Chain rest(kShape, chain, kLength / 2, kLength);
    const auto first = (*store)->keep(half.blocks);
    const auto second = (*store)->keep(rest.blocks);
    if (!first || !second || *first + *second != kLength) _exit(2);
    tell(told, chain);
  }
}

struct Round {
  std::uint64_t last = 0;  ///< chain that was acknowledged; 0: none
  bool killed = false;
};

enum class From : std::uint8_t { kStart, kOpen };

Round run_and_kill(const StoreOptions& options, std::uint64_t chain, From from, unsigned after_us) {
  int told[2];
  EXPECT_EQ(pipe(told), 0);
  const pid_t child = fork();
  if (child == 0) keep_on(options, chain, told[1]);
  close(told[1]);
  std::uint64_t said = 0;
  if (from == From::kOpen) {
    EXPECT_EQ(read(told[0], &said, sizeof said), long{sizeof said});
  }
  usleep(after_us);  // any moment of its work is one that is wanted: the caller draws it
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  Round round;
  round.killed = WIFSIGNALED(status);
  while (read(told[0], &said, sizeof said) == sizeof said) round.last = said;
  close(told[0]);
  return round;
}

/// Positions of a chain that are there: a beginning of it, or nothing.
std::uint32_t length_of(PrefixStore& store, std::uint64_t chain) {
  std::uint32_t length = 0;
  while (length < kLength && holds(store, kShape, chain, length)) ++length;
  for (std::uint32_t i = length; i < kLength; ++i) {
    EXPECT_FALSE(store.contains(hash_of(chain, i))) << "without its parent";
  }
  return length;
}

unsigned below(std::mt19937& random, unsigned end) {
  return static_cast<unsigned>(random() % end);
}

TEST(KilledStore, HoldsWhatItAcknowledgedAndNothingTorn) {
  const Folder folder(kPlace);
  const StoreOptions options = options_for(folder.file(), MiB(20), kShape);
  const std::uint64_t capacity = opened(options)->stats().capacity_blocks;
  const std::uint64_t surely_there = (capacity - kLength) / kLength - 1;
  std::mt19937 random(terrace::testing_support::logged_seed());
  std::uint64_t next = 1;
  std::uint64_t torn = 0;
  std::uint64_t replaced_all = 0;
  for (int round = 0; round < 120; ++round) {
    const Round ended = run_and_kill(options, next, From::kOpen, below(random, 4000));
    ASSERT_TRUE(ended.killed) << "it ended by itself in round " << round;
    const auto store = opened(options);
    ASSERT_NE(store, nullptr);
    const StoreStats stats = store->stats();
    EXPECT_EQ(stats.corrupt, 0u) << "no kill is damage";
    torn += stats.torn;
    const std::uint64_t last = std::max(ended.last, next - 1);
    const std::uint64_t oldest = last > surely_there ? last - surely_there : 0;
    // In this order: looking is a use.
    for (std::uint64_t chain = 1; chain <= oldest; ++chain) length_of(*store, chain);
    for (std::uint64_t chain = oldest + 1; chain <= last; ++chain) {
      EXPECT_EQ(length_of(*store, chain), kLength) << "chain " << chain << " of " << last;
    }
    length_of(*store, last + 1);
    // What the killed one had begun.
    keep(*store, Chain(kShape, last + 1, 0, kLength).blocks);
    EXPECT_EQ(length_of(*store, last + 1), kLength);
    next = last + 2;
    if (oldest != 0) ++replaced_all;
  }
  EXPECT_GT(replaced_all, 20u) << "kills while records are replaced; " << next << " chains";
  EXPECT_GT(torn, 0u) << "no kill came between a record and its state";
}

TEST(KilledStore, MakingAPoolLeavesNoneOrAWholeOne) {
  const Folder folder(kPlace);
  const StoreOptions options = options_for(folder.file(), MiB(20), kShape);
  std::mt19937 random(terrace::testing_support::logged_seed());
  int unfinished = 0;
  for (int round = 0; round < 60; ++round) {
    const Round ended = run_and_kill(options, 1, From::kStart, below(random, 12000));
    ASSERT_TRUE(ended.killed);
    if (!std::filesystem::exists(options.path)) ++unfinished;
    {
      const auto store = opened(options);
      ASSERT_NE(store, nullptr);
      for (std::uint64_t chain = 1; chain <= ended.last; ++chain) length_of(*store, chain);
    }
    EXPECT_FALSE(std::filesystem::exists(options.path + ".new"));
    std::filesystem::remove(options.path);
  }
  EXPECT_GT(unfinished, 0) << "no kill came before the pool had its name";
}

}  // namespace
}  // namespace terrace::kv::store_kill_test
