// SPDX-License-Identifier: Apache-2.0
// A program that uses the shim in every way and checks all it sees; whole_program_test.cc runs it
// while one system call after the other fails. Ends with 7 when all was right, with 8 when all but
// the fork was: then a child was not parted from its parent, which the shim must have said.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "tests/unit/runtime/program.h"

namespace terrace::e2e {
namespace {

constexpr std::size_t kSize = 3 * kBlock;
constexpr int kRight = 7;
constexpr int kRightButShared = 8;

char* map_anonymous(std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(at != MAP_FAILED);
  return static_cast<char*>(at);
}

/// By parts: a buffer for all of it would be 600 page faults more.
bool is_file(const char* mapped, int fd, std::size_t size) {
  static char part[64 << 10];
  for (std::size_t at = 0; at < size;) {
    const ssize_t got = pread(fd, part, sizeof part, static_cast<off_t>(at));
    if (got <= 0 || std::memcmp(mapped + at, part, static_cast<std::size_t>(got)) != 0)
      return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

void use_weights() {
  const int fd = open(std::getenv("TERRACE_TEST_FILE"), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  const auto size = static_cast<std::size_t>(lseek(fd, 0, SEEK_END));
  void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  REQUIRE(mapped != MAP_FAILED);
  REQUIRE(is_file(static_cast<const char*>(mapped), fd, size));
  REQUIRE(madvise(mapped, size, MADV_DONTNEED) == 0);
  REQUIRE(is_file(static_cast<const char*>(mapped), fd, size));
  REQUIRE(munmap(mapped, size) == 0);
  close(fd);
}

/// Small enough to begin as ordinary memory; grows old while a thread writes.
void grow_old() {
  auto* at = static_cast<char*>(std::malloc(kBlock));
  REQUIRE(at != nullptr);
  std::thread writer([at] {
    for (std::uint64_t round = 0; round < 200; ++round) {
      fill(at, kBlock, round);
      REQUIRE(holds(at, kBlock, round));
    }
  });
  writer.join();
  REQUIRE(holds(at, kBlock, 199));
  std::free(at);
}

/// Calls on parts may be refused as the kernel would refuse them; what is there stays.
void change_parts() {
  char* at = map_anonymous(kSize);
  fill(at, kSize, 1);
  if (mprotect(at + kBlock, 8192, PROT_READ) == 0) {
    REQUIRE(mprotect(at + kBlock, 8192, PROT_READ | PROT_WRITE) == 0 || true);
  }
  REQUIRE(holds(at, kSize, 1));
  REQUIRE(madvise(at + 2 * kBlock, kBlock, MADV_DONTNEED) == 0);
  REQUIRE(is_zero(at + 2 * kBlock, kBlock) && holds(at, kBlock, 1));
  REQUIRE(munmap(at + 2 * kBlock, kBlock) == 0);
  void* moved = mremap(at, 2 * kBlock, 4 * kBlock, MREMAP_MAYMOVE);
  if (moved != MAP_FAILED) at = static_cast<char*>(moved);
  REQUIRE(holds(at, 2 * kBlock, 1));
  REQUIRE(munmap(at, moved != MAP_FAILED ? 4 * kBlock : 2 * kBlock) == 0);
}

void use_heap() {
  auto* at = static_cast<char*>(std::calloc(kSize, 1));
  REQUIRE(at != nullptr && is_zero(at, kSize));
  fill(at, kSize, 2);
  at = static_cast<char*>(std::realloc(at, 2 * kSize));
  REQUIRE(at != nullptr && holds(at, kSize, 2));
  std::free(at);
}

/// What a child writes, and what would show of it: the first word of one page of sixteen. Each page
/// that it writes to is copied, and that was a fifth of what a run cost.
constexpr std::size_t kWordsPerMark = 16 * 4096 / 8;
void mark(char* at, std::size_t bytes, std::uint64_t round) {
  auto* words = reinterpret_cast<volatile std::uint64_t*>(at);
  for (std::size_t i = 0; i < bytes / 8; i += kWordsPerMark) {
    words[i] = i * 0x9E3779B97F4A7C15u ^ round;
  }
}
bool marked(const char* at, std::size_t bytes, std::uint64_t round) {
  const auto* words = reinterpret_cast<const volatile std::uint64_t*>(at);
  for (std::size_t i = 0; i < bytes / 8; i += kWordsPerMark) {
    if (words[i] != (i * 0x9E3779B97F4A7C15u ^ round)) return false;
  }
  return true;
}

/// True when parent and child are apart.
bool fork_with(char* at) {
  fill(at, kSize, 3);
  const int pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    REQUIRE(holds(at, kSize, 3));
    mark(at, kSize, 4);
    REQUIRE(marked(at, kSize, 4));
    auto* fresh = static_cast<char*>(std::malloc(kSize));
    REQUIRE(fresh != nullptr);
    mark(fresh, kSize, 5);
    REQUIRE(marked(fresh, kSize, 5));
    std::free(fresh);
    _exit(0);
  }
  REQUIRE(wait_for(pid) == 0);
  const bool apart = holds(at, kSize, 3);
  for (std::size_t block = 0; block < kSize && !apart; block += 4096) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + block, sizeof word);
    const std::uint64_t mix = block / 8 * 0x9E3779B97F4A7C15u;
    REQUIRE(word == (mix ^ 3) || word == (mix ^ 4));
  }
  return apart;
}

}  // namespace
}  // namespace terrace::e2e

int main() {
  using namespace terrace::e2e;
  use_weights();
  auto* kept = static_cast<char*>(std::malloc(kSize));
  REQUIRE(kept != nullptr);
  grow_old();
  change_parts();
  const bool apart = fork_with(kept);
  use_heap();
  fill(kept, kSize, 6);
  REQUIRE(holds(kept, kSize, 6));
  std::free(kept);
  return apart ? kRight : kRightButShared;
}
