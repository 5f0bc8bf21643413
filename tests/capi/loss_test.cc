// SPDX-License-Identifier: Apache-2.0
// Memory errors under the tensors of a program that links the library: real ones where the kernel
// makes them (tests/fault/poison.h).
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <terrace/terrace.h>

#include "tests/capi/machine.h"
#include "tests/fault/poison.h"

namespace {

using terrace::testing_support::poison;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kMiB = 1 << 20;

struct Events {
  std::mutex lock;
  std::condition_variable more;
  std::vector<terrace_event> seen;

  static void note(void* user, const terrace_event* event) {
    auto& events = *static_cast<Events*>(user);
    const std::lock_guard guard(events.lock);
    events.seen.push_back(*event);
    events.more.notify_all();
  }
  /// The n-th, counted from 1; of kind 0 when it does not come.
  terrace_event wait_for(std::size_t count) {
    std::unique_lock guard(lock);
    more.wait_for(guard, std::chrono::seconds(20), [&] { return seen.size() >= count; });
    return seen.size() >= count ? seen[count - 1] : terrace_event{};
  }
};

class MachineFile : public testing::Environment {
 public:
  void TearDown() override { forget_machine(); }
};
const auto* const machine_file = testing::AddGlobalTestEnvironment(new MachineFile);

struct Block {
  terrace_tensor tensor{};
  char* at = nullptr;
};

class Losses : public testing::Test {
 protected:
  void SetUp() override { open(TERRACE_OPEN_WATCH_ERRORS); }
  void TearDown() override {
    terrace_close(context_);
    if (!path_.empty()) unlink(path_.c_str());
  }
  void open(std::uint32_t flags) {
    terrace_options options{};
    options.struct_size = sizeof options;
    options.tiers_file = tiers_file();
    options.flags = flags;
    ASSERT_EQ(terrace_open(&options, &context_), TERRACE_OK) << terrace_last_error();
    ASSERT_EQ(terrace_set_event_handler(context_, &Events::note, &events_), TERRACE_OK);
  }
  Block make(std::uint64_t bytes, const char* tier = "near") {
    terrace_tensor_options options{};
    options.struct_size = sizeof options;
    options.kind = TERRACE_WEIGHT;
    options.bytes = bytes;
    options.tier = tier;
    options.pages = TERRACE_PAGES_SMALL;
    Block block;
    void* at = nullptr;
    EXPECT_EQ(terrace_allocate(context_, &options, &block.tensor, &at), TERRACE_OK)
        << terrace_last_error();
    block.at = static_cast<char*>(at);
    return block;
  }
  /// A file of these bytes, whose values tell their place.
  void write_file(std::uint64_t bytes) {
    const char* const folder = std::getenv("TMPDIR");
    path_ = std::string(folder != nullptr ? folder : "/tmp") + "/terrace-loss-" +
            std::to_string(getpid()) + ".bin";
    std::ofstream file(path_, std::ios::binary);
    for (std::uint64_t i = 0; i < bytes; ++i) file.put(of_file(i));
  }
  static char of_file(std::uint64_t at) { return static_cast<char>((at * 2654435761u) >> 13); }
  void load(const Block& block, std::uint64_t file_offset, std::uint64_t tensor_offset,
            std::uint64_t bytes, std::uint32_t flags = TERRACE_LOAD_RESTORABLE) {
    terrace_load_options options{};
    options.struct_size = sizeof options;
    options.path = path_.c_str();
    options.flags = flags;
    options.file_offset = file_offset;
    options.tensor_offset = tensor_offset;
    options.bytes = bytes;
    ASSERT_EQ(terrace_load(block.tensor, &options, nullptr), TERRACE_OK) << terrace_last_error();
  }
  terrace_traffic traffic() {
    terrace_traffic traffic{};
    traffic.struct_size = sizeof traffic;
    EXPECT_EQ(terrace_get_traffic(context_, &traffic), TERRACE_OK);
    return traffic;
  }

  terrace_context context_{};
  Events events_;
  std::string path_;
};

#define POISON(at, bytes)                                                 \
  do {                                                                    \
    if (const char* missing = poison(at, bytes)) GTEST_SKIP() << missing; \
  } while (0)

TEST_F(Losses, LostPageIsZeroAndToldWithItsTensor) {
  const Block other = make(2 * kMiB);
  const Block block = make(4 * kMiB);
  std::memset(block.at, 'k', 4 * kMiB);
  std::memset(other.at, 'o', 2 * kMiB);
  const std::uint64_t offset = 2 * kMiB + 5 * kPage;
  POISON(block.at + offset, kPage);
  EXPECT_EQ(block.at[offset + 17], 0);
  EXPECT_EQ(block.at[offset - 1], 'k');
  EXPECT_EQ(block.at[offset + kPage], 'k');
  EXPECT_EQ(other.at[0], 'o');
  const terrace_event event = events_.wait_for(1);
  EXPECT_EQ(event.kind, TERRACE_EVENT_LOSS);
  EXPECT_EQ(event.struct_size, sizeof event);
  EXPECT_EQ(event.tensor.id, block.tensor.id);
  EXPECT_EQ(event.tier, 0u);
  EXPECT_EQ(event.offset, offset);
  EXPECT_EQ(event.bytes, kPage);
  EXPECT_EQ(event.address, block.at + offset);
  EXPECT_EQ(traffic().lost_bytes, kPage);
  EXPECT_EQ(traffic().restored_bytes, 0u);
  std::memset(block.at + offset, 'n', kPage);
  EXPECT_EQ(block.at[offset], 'n') << "computed again, it is memory as any other";
}

TEST_F(Losses, LoadedBytesAreReadAgainFromTheirFiles) {
  const std::uint64_t size = 3 * kMiB + 777;
  write_file(size + 100);
  const Block block = make(size);
  // Two loads meet within a page, and the tensor ends within one.
  load(block, 100, 0, kMiB + 100);
  load(block, kMiB + 200, kMiB + 100, size - kMiB - 100);
  const std::uint64_t pages[] = {0, kMiB / kPage, 3 * kMiB / kPage};
  std::size_t told = 0;
  for (const std::uint64_t page : pages) {
    char* const at = block.at + page * kPage;
    POISON(at, kPage);
    for (std::uint64_t i = 0; i < kPage; ++i) {
      const std::uint64_t place = page * kPage + i;
      ASSERT_EQ(at[i], place < size ? of_file(100 + place) : 0) << place;
    }
    const terrace_event event = events_.wait_for(++told);
    EXPECT_EQ(event.kind, TERRACE_EVENT_RESTORED);
    EXPECT_EQ(event.offset, page * kPage);
    EXPECT_EQ(event.bytes, std::min(kPage, size - page * kPage));
    at[0] = 'w';  // it is writable, as before
  }
  EXPECT_EQ(traffic().lost_bytes, 0u);
}

TEST_F(Losses, BytesOfAGrownTensorAreReadAgainAndItsNewOnesAreLost) {
  write_file(2 * kMiB);
  Block block = make(2 * kMiB);
  load(block, 0, 0, 2 * kMiB);
  void* at = nullptr;
  ASSERT_EQ(terrace_resize(block.tensor, 6 * kMiB, &at), TERRACE_OK);
  block.at = static_cast<char*>(at);
  block.at[4 * kMiB] = 'x';
  POISON(block.at + kPage, kPage);
  POISON(block.at + 4 * kMiB, kPage);
  EXPECT_EQ(block.at[kPage], of_file(kPage));
  EXPECT_EQ(events_.wait_for(1).kind, TERRACE_EVENT_RESTORED);
  EXPECT_EQ(block.at[4 * kMiB], 0);
  EXPECT_EQ(events_.wait_for(2).kind, TERRACE_EVENT_LOSS);
  // Made smaller and larger again, its second half is the file's no more.
  ASSERT_EQ(terrace_resize(block.tensor, kMiB, &at), TERRACE_OK);
  ASSERT_EQ(terrace_resize(block.tensor, 2 * kMiB, &at), TERRACE_OK);
  block.at = static_cast<char*>(at);
  block.at[kMiB] = 'y';
  POISON(block.at + kMiB, kPage);
  EXPECT_EQ(block.at[kMiB], 0);
  EXPECT_EQ(events_.wait_for(3).kind, TERRACE_EVENT_LOSS);
}

TEST_F(Losses, WhatIsNotTheFilesAnyMoreIsLost) {
  write_file(2 * kMiB);
  const Block block = make(2 * kMiB);
  load(block, 0, 0, 2 * kMiB);
  load(block, 0, kPage, 2 * kPage, 0);  // these may be written to
  POISON(block.at + 2 * kPage, kPage);
  EXPECT_EQ(block.at[2 * kPage], 0);
  EXPECT_EQ(events_.wait_for(1).kind, TERRACE_EVENT_LOSS);
  std::ofstream(path_, std::ios::binary | std::ios::in) << "another model";
  POISON(block.at + kMiB, kPage);
  EXPECT_EQ(block.at[kMiB], 0);
  EXPECT_EQ(events_.wait_for(2).kind, TERRACE_EVENT_LOSS);
}

TEST_F(Losses, BlockOfAFileTierIsLostWholeAndTheTensorCanMove) {
  const Block block = make(4 * kMiB, "far");
  std::memset(block.at, 'k', 4 * kMiB);
  POISON(block.at + 2 * kMiB, 2 * kMiB);
  EXPECT_EQ(block.at[3 * kMiB], 0);
  EXPECT_EQ(block.at[2 * kMiB - 1], 'k');
  const terrace_event event = events_.wait_for(1);
  EXPECT_EQ(event.kind, TERRACE_EVENT_LOSS);
  EXPECT_EQ(event.tier, 1u);
  EXPECT_EQ(event.offset, 2 * kMiB);
  EXPECT_EQ(event.bytes, 2 * kMiB);
  std::memset(block.at + 2 * kMiB, 'n', 2 * kMiB);
  terrace_job job{};
  if (terrace_prefetch(block.tensor, 0, &job) != TERRACE_OK) GTEST_SKIP() << terrace_last_error();
  EXPECT_EQ(terrace_job_wait(job, UINT64_MAX), TERRACE_OK) << terrace_last_error();
  EXPECT_EQ(block.at[0], 'k');
  EXPECT_EQ(block.at[3 * kMiB], 'n');
}

TEST_F(Losses, FreedTensorsMemoryIsAnothersAndTellsOfThat) {
  write_file(2 * kMiB);
  for (int i = 0; i < 3; ++i) {
    const Block weights = make(2 * kMiB);
    load(weights, 0, 0, 2 * kMiB);
    ASSERT_EQ(terrace_free(weights.tensor), TERRACE_OK);
    const Block next = make(2 * kMiB);
    next.at[0] = 'x';
    POISON(next.at, kPage);
    EXPECT_EQ(next.at[0], 0) << "not what the freed one was loaded from";
    const terrace_event event = events_.wait_for(static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(event.kind, TERRACE_EVENT_LOSS);
    EXPECT_EQ(event.tensor.id, next.tensor.id);
  }
}

TEST_F(Losses, KeptFilesAreSharedByTheirTensors) {
  write_file(2 * kMiB);
  for (int i = 0; i < 8; ++i) load(make(2 * kMiB), 0, 0, 2 * kMiB);
  int open = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    if (std::filesystem::read_symlink(entry.path(), gone) == path_) ++open;
  }
  EXPECT_EQ(open, 1);
}

/// Threads whose tensors come, go, grow and move while pages of theirs go bad: each byte is what it
/// was, or zero and told.
TEST_F(Losses, OfSeveralThreadsOnTheirTensorsAreEachToldOnce) {
  write_file(2 * kMiB);
  const Block probe = make(2 * kMiB);
  POISON(probe.at, kPage);
  std::atomic<std::uint64_t> lost{0};
  std::atomic<std::uint64_t> restored{0};
  const auto work = [&](std::uint64_t seed) {
    for (std::uint64_t i = 0; i < 40; ++i) {
      const bool weights = (seed + i) % 2 == 0;
      Block block = make(2 * kMiB);
      void* at = nullptr;
      if (weights) load(block, 0, 0, 2 * kMiB);
      if (!weights) std::memset(block.at, 'k', 2 * kMiB);
      if (i % 3 == 0) {
        EXPECT_EQ(terrace_resize(block.tensor, 4 * kMiB, &at), TERRACE_OK) << terrace_last_error();
        block.at = static_cast<char*>(at);
      }
      const std::uint64_t page = (seed * 97 + i * 31) % 512;
      char* const bad = block.at + page * kPage;
      ASSERT_EQ(poison(bad, kPage), nullptr);
      for (std::uint64_t j = 0; j < 2 * kMiB; j += 512) {
        const bool is_bad = j / kPage == page;
        const char other = weights ? of_file(j) : 'k';
        ASSERT_EQ(block.at[j], is_bad && !weights ? 0 : other) << seed << ' ' << i << ' ' << j;
      }
      (weights ? restored : lost).fetch_add(kPage);
      ASSERT_EQ(terrace_free(block.tensor), TERRACE_OK);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(traffic().lost_bytes, lost.load());
  EXPECT_EQ(traffic().restored_bytes, restored.load());
  EXPECT_EQ(traffic().dropped_events, 0u);
  (void)events_.wait_for(120);
  const std::lock_guard guard(events_.lock);
  EXPECT_EQ(events_.seen.size(), 120u);
}

class LossesOfOthers : public Losses {};

TEST_F(LossesOfOthers, ArePassedToTheHandlerThatWasThereBefore) {
  EXPECT_EXIT(
      {
        struct sigaction action {};
        action.sa_sigaction = [](int, siginfo_t* info, void*) {
          _exit(info->si_addr != nullptr ? 7 : 1);
        };
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGBUS, &action, nullptr);
        open(TERRACE_OPEN_WATCH_ERRORS);
        void* const own =
            mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (poison(static_cast<char*>(own), kPage) != nullptr) raise(SIGBUS);
        _exit(*static_cast<volatile char*>(own));
      },
      testing::ExitedWithCode(7), "");
}

TEST_F(LossesOfOthers, InPoolsEndTheProgram) {
  EXPECT_EXIT(
      {
        open(TERRACE_OPEN_WATCH_ERRORS);
        terrace_pool_options options{};
        options.struct_size = sizeof options;
        terrace_pool pool{};
        void* block = nullptr;
        if (terrace_pool_open(context_, &options, &pool) != TERRACE_OK) _exit(1);
        if (terrace_pool_allocate(pool, 64 * kPage, kPage, &block) != TERRACE_OK) _exit(1);
        if (poison(static_cast<char*>(block), kPage) != nullptr) raise(SIGBUS);
        _exit(*static_cast<volatile char*>(block));
      },
      testing::KilledBySignal(SIGBUS), "");
}

TEST_F(LossesOfOthers, OfAForksChildAreItsOwn) {
  const Block block = make(2 * kMiB);
  std::memset(block.at, 'k', 2 * kMiB);
  const pid_t child = fork();
  if (child == 0) {
    if (poison(block.at, kPage) != nullptr) raise(SIGBUS);
    _exit(*static_cast<volatile char*>(block.at));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) << status;
  EXPECT_EQ(block.at[0], 'k');
  POISON(block.at, kPage);
  EXPECT_EQ(block.at[0], 0) << "the parent goes on watching";
  EXPECT_EQ(events_.wait_for(1).kind, TERRACE_EVENT_LOSS);
}

TEST(WithoutWatching, TheSignalIsTheProgramsOwn) {
  EXPECT_EXIT(
      {
        terrace_options options{};
        options.struct_size = sizeof options;
        options.tiers_file = tiers_file();
        terrace_context context{};
        terrace_tensor tensor{};
        terrace_tensor_options wanted{};
        wanted.struct_size = sizeof wanted;
        wanted.bytes = 2 * kMiB;
        wanted.pages = TERRACE_PAGES_SMALL;
        void* at = nullptr;
        if (terrace_open(&options, &context) != TERRACE_OK) _exit(1);
        if (terrace_allocate(context, &wanted, &tensor, &at) != TERRACE_OK) _exit(1);
        if (poison(static_cast<char*>(at), kPage) != nullptr) raise(SIGBUS);
        _exit(*static_cast<volatile char*>(at));
      },
      testing::KilledBySignal(SIGBUS), "");
}

TEST(WithoutWatching, UnknownFlagsAreRefused) {
  terrace_options options{};
  options.struct_size = sizeof options;
  options.flags = 1u << 31;
  terrace_context context{};
  EXPECT_EQ(terrace_open(&options, &context), TERRACE_BAD_ARGUMENT);
}

}  // namespace
