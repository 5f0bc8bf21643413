// SPDX-License-Identifier: Apache-2.0
// fork, exec and posix_spawn of programs whose memory lies on shared backings.
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/unit/runtime/program.h"

extern char** environ;

namespace terrace::e2e {
namespace {

constexpr std::size_t kSize = 10 * kMiB;

/// A way for one process to let another go on.
class Gate {
 public:
  Gate() { REQUIRE(pipe(ends_) == 0); }
  void open() const { REQUIRE(write(ends_[1], "g", 1) == 1); }
  void wait() const {
    char go = 0;
    REQUIRE(read(ends_[0], &go, 1) == 1);
  }

 private:
  int ends_[2] = {-1, -1};
};

/// Forks; the child must see `round`, whatever the parent writes afterwards, and writes itself.
void fork_once(char* at, std::uint64_t round) {
  const Gate parent_wrote;
  const int pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    parent_wrote.wait();
    REQUIRE(holds(at, kSize, round));
    fill(at, kSize, 1000 + round);
    REQUIRE(holds(at, kSize, 1000 + round));
    auto* fresh = static_cast<char*>(std::malloc(kSize));
    fill(fresh, kSize, 7);
    REQUIRE(holds(fresh, kSize, 7));
    std::free(fresh);
    const int grandchild = fork();
    if (grandchild == 0) {
      REQUIRE(holds(at, kSize, 1000 + round));
      fill(at, kSize, 1);
      _exit(0);
    }
    REQUIRE(wait_for(grandchild) == 0);
    REQUIRE(holds(at, kSize, 1000 + round));
    std::free(at);
    _exit(0);
  }
  fill(at, kSize, round + 1);
  parent_wrote.open();
  REQUIRE(wait_for(pid) == 0);
  REQUIRE(holds(at, kSize, round + 1));
}

}  // namespace

void fork_snapshot() {
  auto* at = static_cast<char*>(std::malloc(kSize));
  fill(at, kSize, 1);
  for (std::uint64_t round = 1; round < 5; ++round) fork_once(at, round);
  auto* later = static_cast<char*>(std::malloc(kSize));  // made after a fork, frozen at the next
  fill(later, kSize, 1);
  fork_once(later, 1);
  std::free(at);
  std::free(later);
}

/// The recorder's first watch of a block begins after 1.5 s and drops that block's page-table
/// entries every 2 ms; the fork comes while it does.
void fork_while_watched() {
  using Clock = std::chrono::steady_clock;
  auto* at = static_cast<char*>(std::malloc(kSize));
  const auto begin = Clock::now();
  std::uint64_t round = 0;
  while (Clock::now() - begin < std::chrono::milliseconds(1700)) fill(at, kSize, ++round);
  const int pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    REQUIRE(holds(at, kSize, round));
    _exit(0);
  }
  const auto forked = Clock::now();
  while (Clock::now() - forked < std::chrono::milliseconds(300)) {
    fill(at, kSize, ++round);
    REQUIRE(holds(at, kSize, round));
  }
  REQUIRE(wait_for(pid) == 0);
  std::free(at);
}

void fork_discard() {
  void* mapped =
      mmap(nullptr, 16 * kMiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* at = static_cast<char*>(mapped);
  fill(at, 16 * kMiB, 1);
  const int pid = fork();
  if (pid == 0) _exit(0);
  REQUIRE(wait_for(pid) == 0);
  REQUIRE(holds(at, 16 * kMiB, 1));
  REQUIRE(madvise(at + kBlock, kBlock, MADV_DONTNEED) == 0);
  REQUIRE(is_zero(at + kBlock, kBlock));
  REQUIRE(madvise(at + 3 * kBlock + 4096, 8192, MADV_DONTNEED) == 0);
  REQUIRE(is_zero(at + 3 * kBlock + 4096, 8192));
  REQUIRE(holds(at, kBlock, 1));
  REQUIRE(mprotect(at + 5 * kBlock, 4096, PROT_READ) == 0);
  fill(at + kBlock, kBlock, 2);
  REQUIRE(holds(at + kBlock, kBlock, 2));
}

void fork_and_exec_large() {
  const std::size_t size = 512 * kMiB;
  auto* at = static_cast<char*>(std::malloc(size));
  for (std::size_t i = 0; i < size; i += 64 * kMiB) at[i] = 1;
  for (int i = 0; i < 4; ++i) {
    const int pid = fork();
    if (pid == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(127);
    }
    REQUIRE(wait_for(pid) == 0);
    pid_t spawned = 0;
    char name[] = "true";
    char* arguments[] = {name, nullptr};
    REQUIRE(posix_spawn(&spawned, "/bin/true", nullptr, nullptr, arguments, environ) == 0);
    REQUIRE(wait_for(spawned) == 0);
  }
  REQUIRE(std::system("true") == 0);
  for (std::size_t i = 0; i < size; i += 64 * kMiB) REQUIRE(at[i] == 1);
  std::free(at);
}

void fork_while_allocating() {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&stop, t] {
      for (std::uint64_t round = 0; !stop.load(); ++round) {
        const std::size_t size = (1 + (round + t) % 4) * kMiB;
        void* block = std::malloc(size);
        REQUIRE(block != nullptr);
        fill(block, size, round);
        REQUIRE(holds(block, size, round));
        std::free(block);
      }
    });
  }
  // Behind eight threads that never rest each fork takes a tenth of a second and more.
  for (int i = 0; i < 20; ++i) {
    const int pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      void* block = std::malloc(3 * kMiB);
      fill(block, 3 * kMiB, 9);
      REQUIRE(holds(block, 3 * kMiB, 9));
      std::free(block);
      _exit(0);
    }
    REQUIRE(wait_for(pid) == 0);
  }
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace terrace::e2e
