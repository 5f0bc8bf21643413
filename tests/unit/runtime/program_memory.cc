// SPDX-License-Identifier: Apache-2.0
// What programs do to memory of their own: it behaves as the kernel's on every tier.
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "tests/unit/runtime/program.h"

namespace terrace::e2e {
namespace {

char* map_anonymous(std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(at != MAP_FAILED);
  return static_cast<char*>(at);
}

sigjmp_buf after_fault;

bool write_faults(char* at) {
  struct sigaction action {};
  action.sa_handler = [](int) { siglongjmp(after_fault, 1); };
  struct sigaction before {};
  sigaction(SIGSEGV, &action, &before);
  const bool faulted = sigsetjmp(after_fault, 1) != 0;
  if (!faulted) *static_cast<volatile char*>(at) = 1;
  sigaction(SIGSEGV, &before, nullptr);
  return faulted;
}

/// Is the page at `at`, which is there, a huge one of a memory file?
bool on_huge_page(const void* at) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(at);
  bool within = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    unsigned long kilobytes = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      within = begin <= wanted && wanted < end;
    } else if (within && std::sscanf(line.c_str(), "KernelPageSize: %lu kB", &kilobytes) == 1) {
      return kilobytes == 2048;
    }
  }
  return false;
}

bool is_mapped(int pagemap, const char* at) {
  std::uint64_t entry = 0;
  const auto page = reinterpret_cast<std::uintptr_t>(at) / 4096;
  REQUIRE(pread(pagemap, &entry, sizeof entry, static_cast<off_t>(page * 8)) == sizeof entry);
  return (entry >> 63) != 0;
}

}  // namespace

/// Under a recorder that drops page-table entries. One block is given back while they are dropped:
/// it must not come back. The others stay dropped as long as no window ever saw them, and come back
/// by themselves once the program came by. The caller's time limit ends a wait in vain.
void dropped_entries_come_back() {
  constexpr std::size_t kTouched = 8;
  constexpr auto kLeft = std::chrono::milliseconds(200);  // longer than a pair of windows
  char* const at = map_anonymous((kTouched + 1) * kBlock);
  char* const emptied = at + kTouched * kBlock;
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  REQUIRE(pagemap >= 0);
  fill(at, (kTouched + 1) * kBlock, 1);
  if (!on_huge_page(at)) std::exit(kNoHugePages);
  bool dropped = false;
  std::chrono::steady_clock::time_point dropped_at;
  for (int returned = 0; returned < 10;) {
    std::size_t mapped = 0;
    for (std::size_t i = 0; i < kTouched; ++i) mapped += is_mapped(pagemap, at + i * kBlock);
    if (!dropped && mapped == 0) {
      dropped = true;
      dropped_at = std::chrono::steady_clock::now();
      REQUIRE(madvise(emptied, kBlock, MADV_DONTNEED) == 0);
    } else if (dropped && mapped == kTouched) {
      REQUIRE(!is_mapped(pagemap, emptied));
      REQUIRE(holds(at, kTouched * kBlock, 1) && is_zero(emptied, kBlock));
      dropped = false;
      ++returned;
    } else if (dropped && std::chrono::steady_clock::now() - dropped_at > kLeft) {
      REQUIRE(holds(at, kTouched * kBlock, 1));
      dropped = false;
    }
  }
  close(pagemap);
}

void heap_calls() {
  for (const std::size_t size : {kMiB, 3 * kMiB + 17, 8 * kMiB, 16 * kMiB}) {
    auto* block = static_cast<char*>(std::malloc(size));
    REQUIRE(block != nullptr && malloc_usable_size(block) >= size);
    fill(block, size, 1);
    REQUIRE(holds(block, size, 1));
    block = static_cast<char*>(std::realloc(block, size + 5 * kMiB));
    REQUIRE(block != nullptr && holds(block, size, 1));
    block = static_cast<char*>(std::realloc(block, size / 2));
    REQUIRE(block != nullptr && holds(block, size / 2, 1));
    block = static_cast<char*>(std::realloc(block, 100));
    REQUIRE(block != nullptr && holds(block, 96, 1));
    std::free(block);
    void* zeroed = std::calloc(size, 1);
    REQUIRE(zeroed != nullptr && is_zero(zeroed, size & ~std::size_t{7}));
    fill(zeroed, size, 2);
    std::free(zeroed);
    void* aligned = std::aligned_alloc(8 * kMiB, 8 * kMiB);
    REQUIRE(reinterpret_cast<std::uintptr_t>(aligned) % (8 * kMiB) == 0);
    fill(aligned, 8 * kMiB, 3);
    std::free(aligned);
  }
}

void unmap_fragments() {
  char* at = map_anonymous(20 * kMiB);
  fill(at, 20 * kMiB, 1);
  REQUIRE(munmap(at + 4 * kMiB, 6 * kMiB) == 0);          // whole blocks
  REQUIRE(munmap(at + 15 * kMiB + 4096, 4 * 4096) == 0);  // inside a block
  REQUIRE(write_faults(at + 5 * kMiB));
  REQUIRE(holds(at, 4 * kMiB, 1));
  for (std::size_t offset = 10 * kMiB; offset < 15 * kMiB; offset += 512) {
    std::uint64_t word = 0;
    std::memcpy(&word, at + offset, 8);
    REQUIRE(word == (offset / 8 * 0x9E3779B97F4A7C15u ^ 1));
  }
  REQUIRE(munmap(at, 4 * kMiB) == 0);
  REQUIRE(munmap(at + 10 * kMiB, 10 * kMiB) == 0);
  char* again = map_anonymous(20 * kMiB);
  REQUIRE(is_zero(again, 20 * kMiB));
  REQUIRE(munmap(again, 20 * kMiB) == 0);
}

void discard_zeroes() {
  char* at = map_anonymous(16 * kMiB);
  fill(at, 16 * kMiB, 1);
  REQUIRE(madvise(at + kBlock, 3 * kBlock, MADV_DONTNEED) == 0);
  REQUIRE(holds(at, kBlock, 1));
  REQUIRE(is_zero(at + kBlock, 3 * kBlock));
  fill(at + kBlock, 3 * kBlock, 2);
  REQUIRE(holds(at + kBlock, 3 * kBlock, 2));
  fill(at, 16 * kMiB, 3);
  REQUIRE(madvise(at + 5 * kBlock - 8192, 16384, MADV_DONTNEED) == 0);  // over a block's edge
  REQUIRE(is_zero(at + 5 * kBlock - 8192, 16384));
  REQUIRE(holds(at, 5 * kBlock - 8192, 3));
  REQUIRE(at[5 * kBlock + 8192] != 0 || at[5 * kBlock + 8192 + 1] != 0);
  REQUIRE(madvise(at, 16 * kMiB, MADV_WILLNEED) == 0);
  REQUIRE(munmap(at, 16 * kMiB) == 0);
}

void protect_parts() {
  char* at = map_anonymous(16 * kMiB);
  fill(at, 16 * kMiB, 1);
  REQUIRE(mprotect(at + 3 * kMiB, 8192, PROT_READ) == 0);
  REQUIRE(holds(at, 16 * kMiB, 1));
  REQUIRE(write_faults(at + 3 * kMiB + 100));
  REQUIRE(!write_faults(at + 3 * kMiB + 8192));
  REQUIRE(mprotect(at + 3 * kMiB, 8192, PROT_READ | PROT_WRITE) == 0);
  fill(at, 16 * kMiB, 2);
  REQUIRE(holds(at, 16 * kMiB, 2));
  REQUIRE(munmap(at, 16 * kMiB) == 0);
}

void remap_grows_and_shrinks() {
  char* at = map_anonymous(16 * kMiB);
  fill(at, 16 * kMiB, 1);
  void* grown = mremap(at, 16 * kMiB, 30 * kMiB, MREMAP_MAYMOVE);
  REQUIRE(grown != MAP_FAILED);
  REQUIRE(holds(grown, 16 * kMiB, 1));
  REQUIRE(is_zero(static_cast<char*>(grown) + 16 * kMiB, 14 * kMiB));
  fill(grown, 30 * kMiB, 2);
  REQUIRE(munmap(grown, 30 * kMiB) == 0);
  at = map_anonymous(16 * kMiB);
  fill(at, 16 * kMiB, 3);
  REQUIRE(mremap(at, 16 * kMiB, 6 * kMiB, 0) == at);
  REQUIRE(holds(at, 6 * kMiB, 3));
  REQUIRE(mremap(at, 6 * kMiB, 60 * kMiB, 0) == MAP_FAILED && errno == ENOMEM);
  REQUIRE(munmap(at, 6 * kMiB) == 0);
}

/// 40 MiB over tiers that hold 16 and 100 MiB.
void spill() {
  void* blocks[10];
  for (void*& block : blocks) {
    block = std::malloc(4 * kMiB);
    fill(block, 4 * kMiB, 5);
  }
  for (void* block : blocks) {
    REQUIRE(holds(block, 4 * kMiB, 5));
    std::free(block);
  }
}

/// Ten times what the tiers hold: the rest is ordinary memory.
void fill_every_tier() {
  void* blocks[40];
  for (void*& block : blocks) {
    block = std::malloc(4 * kMiB);
    REQUIRE(block != nullptr);
    fill(block, 4 * kMiB, 6);
  }
  for (void* block : blocks) REQUIRE(holds(block, 4 * kMiB, 6));
  for (void* block : blocks) std::free(block);
  void* again = std::malloc(4 * kMiB);  // the tiers have room again
  fill(again, 4 * kMiB, 7);
  REQUIRE(holds(again, 4 * kMiB, 7));
  std::free(again);
}

/// More than there can be huge pages for; only some of it is touched.
void large_small_pages() {
  const std::size_t size = std::size_t{64} << 30;
  auto* at = static_cast<char*>(std::malloc(size));
  REQUIRE(at != nullptr);
  REQUIRE(on_memory_file(at));
  fill(at, 6 * kMiB, 1);
  fill(at + size / 2, 6 * kMiB, 2);
  for (int pass = 0; pass < 10; ++pass) {
    REQUIRE(holds(at, 6 * kMiB, 1));
    REQUIRE(holds(at + size / 2, 6 * kMiB, 2));
  }
  std::free(at);
}

void map_file() {
  const char* path = std::getenv("TERRACE_TEST_FILE");
  REQUIRE(path != nullptr);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  const auto size = static_cast<std::size_t>(lseek(fd, 0, SEEK_END));
  void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  REQUIRE(mapped != MAP_FAILED);
  auto* at = static_cast<char*>(mapped);
  auto* read_in = static_cast<char*>(std::malloc(size));
  REQUIRE(pread(fd, read_in, size, 0) == static_cast<ssize_t>(size));
  REQUIRE(std::memcmp(at, read_in, size) == 0);
  REQUIRE(write_faults(at + 5 * kMiB));
  REQUIRE(madvise(at, size, MADV_DONTNEED) == 0);
  REQUIRE(std::memcmp(at, read_in, size) == 0);
  const std::size_t tail = size % 4096;  // the kernel shows zeros up to the page's end
  for (std::size_t i = size; tail != 0 && i < size + 4096 - tail; ++i) REQUIRE(at[i] == 0);
  REQUIRE(munmap(at + 6 * kMiB, 4 * kMiB) == 0);
  REQUIRE(std::memcmp(at, read_in, 6 * kMiB) == 0);
  REQUIRE(std::memcmp(at + 10 * kMiB, read_in + 10 * kMiB, size - 10 * kMiB) == 0);
  REQUIRE(munmap(at, 6 * kMiB) == 0);
  REQUIRE(munmap(at + 10 * kMiB, size - 10 * kMiB) == 0);
  void* beyond = mmap(nullptr, size + 4 * kMiB, PROT_READ, MAP_PRIVATE, fd, 0);
  REQUIRE(beyond != MAP_FAILED);  // longer than the file: the kernel's own mapping
  REQUIRE(std::memcmp(beyond, read_in, size) == 0);
  REQUIRE(munmap(beyond, size + 4 * kMiB) == 0);
  std::free(read_in);
  close(fd);
}

void late_placement() {
  auto* at = static_cast<char*>(std::malloc(8 * kMiB));
  std::memset(at, 0, 8 * kMiB);
  std::atomic<bool> stop{false};
  std::uint64_t rounds = 0;
  std::thread writer([&] {
    while (!stop.load()) {
      ++rounds;
      for (std::size_t i = 0; i < 8 * kMiB; i += 4096) {
        auto* counter = reinterpret_cast<volatile std::uint64_t*>(at + i);
        *counter = *counter + 1;
      }
    }
  });
  while (!on_memory_file(at) || !on_memory_file(at + 6 * kMiB)) std::this_thread::yield();
  stop.store(true);
  writer.join();
  for (std::size_t i = 0; i < 8 * kMiB; i += 4096) {
    std::uint64_t count = 0;
    std::memcpy(&count, at + i, 8);
    REQUIRE(count == rounds);
  }
  std::free(at);
}

void late_leaves_protected_parts() {
  char* first = map_anonymous(16 * kMiB);
  REQUIRE(mprotect(first + 4 * kMiB, 4 * kMiB, PROT_READ) == 0);
  char* holed = map_anonymous(16 * kMiB);
  REQUIRE(munmap(holed + 4 * kMiB, 4 * kMiB) == 0);
  char* last = map_anonymous(16 * kMiB);
  fill(last, 16 * kMiB, 1);
  while (!on_memory_file(last)) std::this_thread::yield();  // the others were looked at before it
  REQUIRE(!on_memory_file(first));
  REQUIRE(!on_memory_file(holed));
  REQUIRE(write_faults(first + 5 * kMiB));
  REQUIRE(!write_faults(first));
  REQUIRE(write_faults(holed + 5 * kMiB));
  REQUIRE(holds(last, 16 * kMiB, 1));
}

}  // namespace terrace::e2e
