// SPDX-License-Identifier: Apache-2.0
// file_fill_table FILE [MIB]: MB/s of reading a large file into memory, our way beside plain ways,
// warm and cold, all in one run and in turn, so that a noisy machine slows all of them.
//  - read: read() of 1 MiB at a time into memory from malloc, as a program without mmap does
//  - populate: mmap with MAP_POPULATE, the kernel's own way to have it all there
//  - fill N: extent::fill_from_file with N threads into fresh memory on huge pages
// and, on the warm file, what asking costs that decides how a page is read: mincore, cachestat
// (Linux 6.5), preadv2 with RWF_NOWAIT of one page a piece. FILE is made with random content (MIB,
// 1024 by default) when it does not exist. Cold: its pages are dropped from the page cache before
// each read; what the disk or hypervisor caches is not known. The column `left` is what of the file
// is in the page cache afterwards.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "allocators/base/quantile.h"
#include "allocators/extent/file_fill.h"
#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"

namespace {

using terrace::Bytes;
using terrace::Nanoseconds;
using terrace::quantile;

constexpr std::size_t kMiB = 1u << 20;
constexpr int kRounds = 5;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "file_fill_table: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void make_file(const char* path, std::size_t mib) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) fail(path);
  std::mt19937_64 random(42);
  std::vector<std::uint64_t> words(kMiB / 8);
  for (std::size_t i = 0; i < mib; ++i) {
    for (std::uint64_t& word : words) word = random();
    if (write(fd, words.data(), kMiB) != static_cast<ssize_t>(kMiB)) fail(path);
  }
  if (fsync(fd) != 0 || close(fd) != 0) fail(path);
}

class File {
 public:
  explicit File(const char* path) : fd_(open(path, O_RDONLY | O_CLOEXEC)) {
    struct stat facts {};
    if (fd_ < 0 || fstat(fd_, &facts) != 0) fail(path);
    size_ = static_cast<std::size_t>(facts.st_size);
    view_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_, 0);
    if (view_ == MAP_FAILED) fail("mmap");
  }
  ~File() {
    munmap(view_, size_);
    close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  std::size_t size() const { return size_; }
  void* view() const { return view_; }

  void cool() const { posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }
  void warm() const {
    std::vector<char> buffer(kMiB);
    for (std::size_t at = 0; at < size_; at += kMiB) {
      if (pread(fd_, buffer.data(), kMiB, static_cast<off_t>(at)) < 0) fail("pread");
    }
  }
  double cached_share() const {
    std::vector<unsigned char> pages((size_ + 4095) / 4096);
    if (mincore(view_, size_, pages.data()) != 0) return -1;
    std::size_t count = 0;
    for (const unsigned char page : pages) count += page & 1;
    return static_cast<double>(count) / static_cast<double>(pages.size());
  }

 private:
  int fd_ = -1;
  std::size_t size_ = 0;
  void* view_ = nullptr;
};

void read_into_malloc(const File& file) {
  auto* memory = static_cast<char*>(std::malloc(file.size()));
  if (memory == nullptr) fail("malloc");
  for (std::size_t at = 0; at < file.size();) {
    const ssize_t got =
        pread(file.fd(), memory + at, std::min(kMiB, file.size() - at), static_cast<off_t>(at));
    if (got <= 0) fail("pread");
    at += static_cast<std::size_t>(got);
  }
  std::free(memory);
}

void populate(const File& file) {
  void* view = mmap(nullptr, file.size(), PROT_READ, MAP_SHARED | MAP_POPULATE, file.fd(), 0);
  if (view == MAP_FAILED) fail("mmap");
  munmap(view, file.size());
}

void fill(const File& file, std::uint32_t threads) {
  void* memory = terrace::os::reserve_address_space(Bytes(file.size()));
  const Bytes whole = terrace::round_up_to_block(Bytes(file.size()));
  if (memory == nullptr || terrace::os::map_private(memory, whole) != 0) fail("memory");
  terrace::extent::FileFill wanted;
  wanted.fd = file.fd();
  wanted.size = Bytes(file.size());
  wanted.to = memory;
  wanted.threads = threads;
  const auto outcome = terrace::extent::fill_from_file(wanted);
  if (outcome.error != 0) {
    errno = outcome.error;
    fail("fill");
  }
  munmap(memory, whole.value);
}

struct Way {
  std::string name;
  std::function<void(const File&)> run;
};

enum class Cache { kWarm, kCold };

void table(const File& file, Cache cache, const std::vector<Way>& ways) {
  std::vector<std::vector<double>> rates(ways.size());
  std::vector<double> left(ways.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      // Once before, untimed: memory that a guest has not used for a while is its host's again, and
      // would be paid for by whoever comes first.
      ways[i].run(file);
      cache == Cache::kCold ? file.cool() : file.warm();
      const Nanoseconds begin = terrace::os::monotonic_now();
      ways[i].run(file);
      const Nanoseconds took = terrace::os::monotonic_now() - begin;
      rates[i].push_back(static_cast<double>(file.size()) * 1000 / static_cast<double>(took.value));
      left[i] = file.cached_share();
    }
  }
  const double base = quantile(rates[0], 0.5);
  std::printf("%-6s %-12s %9s %8s %6s\n", cache == Cache::kCold ? "cold" : "warm", "way", "MB/s",
              "ratio", "left");
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const double mb_per_s = quantile(rates[i], 0.5);
    std::printf("%-6s %-12s %9.0f %8.2f %5.0f%%\n", "", ways[i].name.c_str(), mb_per_s,
                mb_per_s / base, left[i] * 100);
  }
}

/// Microseconds for each GiB of asking what is cached, in pieces of 4 MiB.
void asking(const File& file) {
  constexpr std::size_t kPiece = 4 * kMiB;
  constexpr long kCachestat = 451;
  struct CachestatRange {
    std::uint64_t offset, length;
  };
  std::uint64_t counts[5];
  unsigned char pages[kPiece / 4096];
  std::vector<char> page(4096);
  const auto cost = [&](const char* name, auto ask) {
    const Nanoseconds begin = terrace::os::monotonic_now();
    for (std::size_t at = 0; at + kPiece <= file.size(); at += kPiece) {
      if (ask(at) < 0) {
        std::printf("%-12s %s\n", name, std::strerror(errno));
        return;
      }
    }
    const Nanoseconds took = terrace::os::monotonic_now() - begin;
    const double gib = static_cast<double>(file.size()) / static_cast<double>(1u << 30);
    std::printf("%-12s %9.0f us/GiB\n", name, static_cast<double>(took.value) / 1000 / gib);
  };
  std::printf("asking, warm\n");
  cost("mincore", [&](std::size_t at) {
    return static_cast<long>(mincore(static_cast<char*>(file.view()) + at, kPiece, pages));
  });
  cost("cachestat", [&](std::size_t at) {
    const CachestatRange range{at, kPiece};
    return syscall(kCachestat, file.fd(), &range, counts, 0);
  });
  cost("nowait", [&](std::size_t at) {
    const iovec to{page.data(), page.size()};
    return static_cast<long>(preadv2(file.fd(), &to, 1, static_cast<off_t>(at), RWF_NOWAIT));
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("usage: file_fill_table FILE [MIB]\n", stderr);
    return 2;
  }
  if (access(argv[1], F_OK) != 0) {
    make_file(argv[1], argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 1024);
  }
  const File file(argv[1]);
  std::vector<Way> ways{{"read", &read_into_malloc}, {"populate", &populate}};
  for (const std::uint32_t threads : {1u, 2u, 4u, 8u}) {
    ways.push_back(
        {"fill " + std::to_string(threads), [threads](const File& of) { fill(of, threads); }});
  }
  std::printf("%s, %zu MiB, %d rounds each, medians; ratio: to read\n", argv[1], file.size() / kMiB,
              kRounds);
  table(file, Cache::kWarm, ways);
  table(file, Cache::kCold, ways);
  file.warm();
  asking(file);
  return 0;
}
