// SPDX-License-Identifier: Apache-2.0
// What programs do to read-only mappings of large files. file_mapping_test.cc runs each case on the
// kernel's own mapping, which proves the case, and then on a copy in placed memory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/runtime/program.h"

namespace terrace::e2e {
namespace {

constexpr std::size_t kPage = 4096;

const char* weights_path() {
  const char* path = std::getenv("TERRACE_TEST_FILE");
  REQUIRE(path != nullptr);
  return path;
}

sigjmp_buf after_fault;

/// The signal that `access` raises, 0: none.
template <typename Access>
int signal_of(Access access) {
  struct sigaction action {};
  action.sa_handler = [](int number) { siglongjmp(after_fault, number); };
  struct sigaction segv {};
  struct sigaction bus {};
  sigaction(SIGSEGV, &action, &segv);
  sigaction(SIGBUS, &action, &bus);
  const int number = sigsetjmp(after_fault, 1);
  if (number == 0) access();
  sigaction(SIGSEGV, &segv, nullptr);
  sigaction(SIGBUS, &bus, nullptr);
  return number;
}
int read_signal(volatile char* at) {
  return signal_of([at] { (void)*at; });
}
int write_signal(volatile char* at) {
  return signal_of([at] { *at = *at; });
}

struct View {
  int fd = -1;
  char* at = nullptr;
  std::size_t size = 0;  ///< of the file
  std::vector<char> content;
  bool same(std::size_t begin, std::size_t end) const {
    return std::memcmp(at + begin, content.data() + begin, end - begin) == 0;
  }
};

View map_weights(int flags, std::size_t length = 0) {
  View view;
  view.fd = open(weights_path(), O_RDONLY | O_CLOEXEC);
  REQUIRE(view.fd >= 0);
  view.size = static_cast<std::size_t>(lseek(view.fd, 0, SEEK_END));
  view.content.resize(view.size);
  REQUIRE(pread(view.fd, view.content.data(), view.size, 0) == static_cast<ssize_t>(view.size));
  void* mapped = mmap(nullptr, length != 0 ? length : view.size, PROT_READ, flags, view.fd, 0);
  REQUIRE(mapped != MAP_FAILED);
  view.at = static_cast<char*>(mapped);
  return view;
}

std::size_t whole_pages(std::size_t size) {
  return (size + kPage - 1) & ~(kPage - 1);
}

/// Pages that are unmapped within a huge page of a memory file stay until their block goes.
bool unmaps_whole_blocks_only() {
  return std::getenv("TERRACE_TEST_WHOLE_BLOCKS") != nullptr;
}
bool is_gone(char* at) {
  return unmaps_whole_blocks_only() || read_signal(at) == SIGSEGV;
}

/// Resident kilobytes of a kind: "VmLck:", "VmRSS:".
long status_kb(const char* key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(key, 0) == 0) return std::atol(line.c_str() + std::strlen(key));
  }
  return -1;
}

}  // namespace

void private_view_can_be_written() {
  View view = map_weights(MAP_PRIVATE);
  const std::size_t part = 3 * kBlock + 5 * kPage;
  REQUIRE(write_signal(view.at + part) == SIGSEGV);
  REQUIRE(mprotect(view.at + part, 3 * kPage, PROT_READ | PROT_WRITE) == 0);
  REQUIRE(write_signal(view.at + part - kPage) == SIGSEGV);
  REQUIRE(write_signal(view.at + part + 3 * kPage) == SIGSEGV);
  REQUIRE(view.same(0, view.size));
  std::memset(view.at + part, 7, 3 * kPage);
  REQUIRE(mprotect(view.at + part + kPage, kPage, PROT_READ) == 0);
  REQUIRE(view.at[part + kPage] == 7 && write_signal(view.at + part + kPage) == SIGSEGV);
  REQUIRE(view.same(0, part) && view.same(part + 3 * kPage, view.size));
  char byte = 0;
  REQUIRE(pread(view.fd, &byte, 1, static_cast<off_t>(part)) == 1);
  REQUIRE(byte == view.content[part]);  // the file is what it was
}

void discarding_a_written_part_brings_the_file_back() {
  View view = map_weights(MAP_PRIVATE);
  const std::size_t first = kBlock - kPage;  // over a block's border
  REQUIRE(mprotect(view.at + first, 4 * kPage, PROT_READ | PROT_WRITE) == 0);
  std::memset(view.at + first, 7, 4 * kPage);
  REQUIRE(mprotect(view.at + first + 2 * kPage, 6 * kPage, PROT_READ | PROT_WRITE) == 0);
  REQUIRE(view.at[first + 2 * kPage] == 7);  // what was written stays
  std::memset(view.at + first + 4 * kPage, 8, 4 * kPage);
  REQUIRE(madvise(view.at + first + kPage, 2 * kPage, MADV_DONTNEED) == 0);
  REQUIRE(view.at[first] == 7 && view.at[first + 3 * kPage] == 7);
  REQUIRE(view.at[first + 4 * kPage] == 8);
  REQUIRE(view.same(first + kPage, first + 3 * kPage));
  REQUIRE(madvise(view.at, view.size, MADV_DONTNEED) == 0);
  REQUIRE(view.same(0, view.size));
}

void shared_view_cannot_be_made_writable() {
  View view = map_weights(MAP_SHARED);
  errno = 0;
  REQUIRE(mprotect(view.at, kPage, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
  REQUIRE(write_signal(view.at) == SIGSEGV);
  REQUIRE(mprotect(view.at, kPage, PROT_NONE) == 0 && read_signal(view.at) == SIGSEGV);
  REQUIRE(mprotect(view.at, kPage, PROT_READ) == 0);
  REQUIRE(view.same(0, view.size));
}

void advice_for_memory_without_a_file_is_refused() {
  for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
    View view = map_weights(flags);
    errno = 0;
    REQUIRE(madvise(view.at, view.size, MADV_FREE) == -1 && errno == EINVAL);
    errno = 0;
    REQUIRE(madvise(view.at, view.size, MADV_WIPEONFORK) == -1 && errno == EINVAL);
    errno = 0;
    REQUIRE(madvise(view.at, view.size, MADV_REMOVE) == -1 && errno == EACCES);
    for (const int advice : {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
                             MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT}) {
      REQUIRE(madvise(view.at, view.size, advice) == 0);
      REQUIRE(view.same(0, view.size));
    }
    constexpr int kDontNeedLocked = 24;  // Linux 5.18
    if (madvise(view.at, view.size, kDontNeedLocked) == -1) REQUIRE(errno == EINVAL);
    REQUIRE(view.same(0, view.size));
    REQUIRE(munmap(view.at, view.size) == 0);
  }
}

void growing_shows_more_of_the_file() {
  for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
    constexpr std::size_t kFirst = 9 * kBlock;
    View view = map_weights(flags, kFirst);
    REQUIRE(view.same(0, kFirst));
    const std::size_t longer = whole_pages(view.size) + 2 * kPage;
    void* grown = mremap(view.at, kFirst, longer, MREMAP_MAYMOVE);
    REQUIRE(grown != MAP_FAILED);
    view.at = static_cast<char*>(grown);
    REQUIRE(view.same(0, view.size));
    REQUIRE(write_signal(view.at) == SIGSEGV);
    REQUIRE(read_signal(view.at + whole_pages(view.size) - 1) == 0);
    REQUIRE(read_signal(view.at + whole_pages(view.size)) == SIGBUS);
    REQUIRE(munmap(view.at, longer) == 0);
  }
}

void moving_to_a_fixed_place_and_shrinking() {
  View view = map_weights(MAP_SHARED);
  void* place = mmap(nullptr, view.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(place != MAP_FAILED);
  char* const before = view.at;
  void* moved = mremap(view.at, view.size, view.size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
  REQUIRE(moved == place && read_signal(before) == SIGSEGV);
  view.at = static_cast<char*>(moved);
  REQUIRE(view.same(0, view.size) && write_signal(view.at) == SIGSEGV);
  REQUIRE(munmap(view.at, view.size) == 0);
  view = map_weights(MAP_PRIVATE);
  REQUIRE(mremap(view.at, view.size, 5 * kPage, 0) == view.at);
  REQUIRE(view.same(0, 5 * kPage) && is_gone(view.at + 5 * kPage));
  REQUIRE(read_signal(view.at + kBlock) == SIGSEGV);
  REQUIRE(munmap(view.at, 5 * kPage) == 0 && read_signal(view.at) == SIGSEGV);
}

/// As llama.cpp does it: what lies before, between and behind the tensors that it needs.
void fragments_can_be_unmapped() {
  View view = map_weights(MAP_SHARED);
  const std::size_t last = view.size / kPage * kPage - 3 * kPage;
  REQUIRE(munmap(view.at, 2 * kBlock) == 0);
  REQUIRE(munmap(view.at + 4 * kBlock, 2 * kBlock) == 0);
  REQUIRE(munmap(view.at + last, view.size - last) == 0);
  for (const std::size_t gone : {std::size_t{0}, 2 * kBlock - 1, 4 * kBlock, 6 * kBlock - 1}) {
    REQUIRE(read_signal(view.at + gone) == SIGSEGV);
  }
  REQUIRE(is_gone(view.at + last));
  REQUIRE(view.same(2 * kBlock, 4 * kBlock) && view.same(6 * kBlock, last));
  errno = 0;
  REQUIRE(mprotect(view.at + 3 * kBlock, 2 * kBlock, PROT_READ) == -1 && errno == ENOMEM);
  REQUIRE(munmap(view.at + 2 * kBlock, last - 2 * kBlock) == 0);
  REQUIRE(read_signal(view.at + 2 * kBlock) == SIGSEGV);
}

void memory_can_be_locked() {
  View view = map_weights(MAP_SHARED);
  const long before = status_kb("VmLck:");
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  const bool allowed = geteuid() == 0 || limit.rlim_cur >= whole_pages(view.size);
  if (mlock(view.at, view.size) != 0) {
    REQUIRE(!allowed && (errno == ENOMEM || errno == EPERM));
    return;
  }
  const long locked = status_kb("VmLck:") - before;
  // Huge pages of a memory file are never swapped, and the kernel does not count them as locked.
  const bool counted = !unmaps_whole_blocks_only();
  REQUIRE(!counted || locked == static_cast<long>(whole_pages(view.size) / 1024));
  REQUIRE(view.same(0, view.size));
  REQUIRE(munlock(view.at, view.size) == 0 && status_kb("VmLck:") == before);
  REQUIRE(mlock(view.at, view.size) == 0 && munmap(view.at, view.size) == 0);
  REQUIRE(status_kb("VmLck:") == before);
}

void child_has_the_same_view() {
  View view = map_weights(MAP_PRIVATE);
  REQUIRE(mprotect(view.at + kBlock, kPage, PROT_READ | PROT_WRITE) == 0);
  view.at[kBlock] = 1;
  const int pid = fork();
  if (pid == 0) {
    REQUIRE(view.at[kBlock] == 1 && view.same(0, kBlock) && view.same(kBlock + kPage, view.size));
    view.at[kBlock] = 2;
    REQUIRE(munmap(view.at + 5 * kBlock, kBlock) == 0);
    REQUIRE(madvise(view.at + kBlock, kPage, MADV_DONTNEED) == 0 && view.same(0, 5 * kBlock));
    _exit(0);
  }
  REQUIRE(wait_for(pid) == 0);
  REQUIRE(view.at[kBlock] == 1 && view.same(0, kBlock) && view.same(kBlock + kPage, view.size));
}

void system_calls_read_from_the_view() {
  View view = map_weights(MAP_SHARED);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  std::vector<char> got(kPage);
  for (const std::size_t at : {std::size_t{0}, 3 * kBlock + 11, view.size - kPage}) {
    REQUIRE(write(ends[1], view.at + at, kPage) == static_cast<ssize_t>(kPage));
    REQUIRE(read(ends[0], got.data(), kPage) == static_cast<ssize_t>(kPage));
    REQUIRE(std::memcmp(got.data(), view.content.data() + at, kPage) == 0);
  }
  REQUIRE(msync(view.at, kPage, MS_ASYNC) == 0);
}

namespace {

/// Huge pages of memory files are counted apart.
long resident_kb() {
  return status_kb("VmRSS:") + status_kb("HugetlbPages:");
}

/// A file of zeros without storage, as long as it takes to be met while it is read.
std::string large_file() {
  const std::string path = std::string(weights_path()) + ".large";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0 && ftruncate(fd, 384 * kMiB) == 0);
  close(fd);
  return path;
}

/// Maps the file while `meddle` runs in another thread once some of the file has been read. Tells
/// whether that was before the mapping was there.
template <typename Meddle>
bool map_while(const std::string& path, Meddle meddle, char*& at) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int writer = open(path.c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(fd >= 0 && writer >= 0);
  std::atomic<bool> mapped{false};
  std::atomic<bool> ready{false};
  bool in_time = false;
  const long before = resident_kb();
  std::thread other([&] {
    ready.store(true);
    while (!mapped.load() && resident_kb() < before + (64 << 10)) {
    }
    const bool began_in_time = !mapped.load();
    meddle(writer);
    in_time = began_in_time && !mapped.load();
  });
  while (!ready.load()) {
  }
  void* const view = mmap(nullptr, 384 * kMiB, PROT_READ, MAP_SHARED, fd, 0);
  mapped.store(true);
  other.join();
  REQUIRE(view != MAP_FAILED);
  at = static_cast<char*>(view);
  close(fd);
  close(writer);
  return in_time;
}

/// The kernel's own mapping is there before anything can happen to the file, and passes always.
bool expect_to_meet() {
  return std::getenv("TERRACE_TEST_MEET") != nullptr;
}

/// By what one knows that the file was met.
enum class Sign {
  kTime,    ///< the other thread was done before the mapping was there
  kEffect,  ///< the mapping shows it, which a copy of before would not
};

/// `is_right` must hold of the mapping when the file was met while it was read.
template <typename Meddle, typename Check>
void meet(Meddle meddle, Check is_right, Sign sign = Sign::kTime) {
  const std::string path = large_file();
  for (int attempt = 0; attempt < 20; ++attempt) {
    char* at = nullptr;
    const bool met = map_while(path, meddle, at);
    const bool right = is_right(at);
    REQUIRE(right || (!met && expect_to_meet()));
    REQUIRE(munmap(at, 384 * kMiB) == 0);
    if (right && (met || !expect_to_meet() || sign == Sign::kEffect)) {
      unlink(path.c_str());
      return;
    }
    large_file();
  }
  REQUIRE(!"the file was never met while it was read");
}

}  // namespace

void file_that_is_written_while_it_is_read() {
  meet([](int writer) { REQUIRE(pwrite(writer, "new", 3, 5) == 3); },
       [](const char* at) { return std::memcmp(at + 5, "new", 3) == 0; }, Sign::kEffect);
}

/// The reader may see it at once, so this is met by its effect as well.
void file_that_is_cut_short_while_it_is_read() {
  meet([](int writer) { REQUIRE(ftruncate(writer, 3 * kMiB + 100) == 0); },
       [](char* at) {
         return read_signal(at + 3 * kMiB + 100) == 0 &&
                read_signal(at + 3 * kMiB + kPage) == SIGBUS &&
                read_signal(at + 383 * kMiB) == SIGBUS;
       },
       Sign::kEffect);
}

/// The child has no part of a mapping that was not made yet, and can do what it likes.
void fork_while_a_file_is_read() {
  int child = 0;
  meet(
      [&](int) {
        child = fork();
        if (child == 0) {
          void* block = std::malloc(8 * kMiB);
          fill(block, 8 * kMiB, 1);
          const bool held = holds(block, 8 * kMiB, 1);
          std::free(block);
          _exit(held ? 0 : 1);
        }
      },
      [&](const char* at) {
        REQUIRE(wait_for(child) == 0);
        return is_zero(at, 384 * kMiB);
      });
}

/// Nobody waits for the file but who asked for it.
void others_allocate_while_a_file_is_read() {
  std::size_t blocks = 0;
  meet(
      [&](int) {
        for (int i = 0; i < 8; ++i, ++blocks) {
          void* block = std::malloc(4 * kMiB);
          REQUIRE(block != nullptr);
          std::free(block);
        }
      },
      [&](const char* at) { return blocks % 8 == 0 && blocks > 0 && is_zero(at, 384 * kMiB); });
}

namespace {

/// Counts the milliseconds of work(): those who read meanwhile take one turn for each, and leave
/// the process's time to it.
using Turn = std::atomic<unsigned>;

void give(Turn& turn) {
  turn.fetch_add(1);
  turn.notify_all();
}

/// Uses the processor for about 50 ms of the process's time.
void work(Turn& turn) {
  for (int i = 0; i < 50; ++i) {
    const std::clock_t end = std::clock() + CLOCKS_PER_SEC / 1000;
    while (std::clock() < end) {
    }
    give(turn);
  }
}

}  // namespace

/// As an engine that repacks its weights: reads all once, and then works on its own copy. Readers
/// of a block that goes with the rest, as the norms do, see the right bytes all the time.
void copy_that_is_not_touched_leaves_memory() {
  View view = map_weights(MAP_SHARED);
  REQUIRE(munmap(view.at, kBlock + kPage) == 0);  // fragments are no hindrance
  REQUIRE(view.same(kBlock + kPage, view.size));
  const long before = status_kb("RssAnon:");
  std::atomic<bool> stop{false};
  Turn turn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&, i] {
      // Neither of the two blocks that are tried first.
      const std::size_t at = 5 * kBlock + static_cast<std::size_t>(i) * 300 * kPage;
      for (unsigned now = turn.load(); !stop.load(); now = turn.load()) {
        REQUIRE(view.same(at, at + kPage));
        turn.wait(now);
      }
    });
  }
  const bool copied = expect_to_meet();
  const int rounds = copied ? 160 : 10;
  const long wanted = before - static_cast<long>((view.size - 4 * kBlock) / 1024);
  for (int round = 0; round < rounds && status_kb("RssAnon:") > wanted; ++round) {
    work(turn);
  }
  stop.store(true);
  give(turn);
  for (std::thread& reader : readers) reader.join();
  std::printf("RssAnon %ld kB, then %ld kB\n", before, status_kb("RssAnon:"));
  REQUIRE(!copied || status_kb("RssAnon:") <= wanted);
  REQUIRE(view.same(kBlock + kPage, view.size));
  REQUIRE(munmap(view.at + 3 * kBlock, kBlock) == 0 &&
          read_signal(view.at + 3 * kBlock) == SIGSEGV);
  REQUIRE(view.same(4 * kBlock, view.size));
}

/// What is read all the time stays where it was placed, but for a block or two that are being
/// tried.
void copy_that_is_read_stays() {
  View view = map_weights(MAP_SHARED);
  const long before = status_kb("RssAnon:");
  for (const std::clock_t end = std::clock() + 2 * CLOCKS_PER_SEC; std::clock() < end;) {
    REQUIRE(view.same(0, view.size));
  }
  REQUIRE(status_kb("RssAnon:") >= before - static_cast<long>(3 * kBlock / 1024));
}

}  // namespace terrace::e2e

namespace {

constexpr terrace::e2e::Case kCases[] = {
    TERRACE_CASE(private_view_can_be_written),
    TERRACE_CASE(discarding_a_written_part_brings_the_file_back),
    TERRACE_CASE(shared_view_cannot_be_made_writable),
    TERRACE_CASE(advice_for_memory_without_a_file_is_refused),
    TERRACE_CASE(growing_shows_more_of_the_file),
    TERRACE_CASE(moving_to_a_fixed_place_and_shrinking),
    TERRACE_CASE(fragments_can_be_unmapped),
    TERRACE_CASE(memory_can_be_locked),
    TERRACE_CASE(child_has_the_same_view),
    TERRACE_CASE(system_calls_read_from_the_view),
    TERRACE_CASE(file_that_is_written_while_it_is_read),
    TERRACE_CASE(file_that_is_cut_short_while_it_is_read),
    TERRACE_CASE(fork_while_a_file_is_read),
    TERRACE_CASE(others_allocate_while_a_file_is_read),
    TERRACE_CASE(copy_that_is_not_touched_leaves_memory),
    TERRACE_CASE(copy_that_is_read_stays),
};

}  // namespace

int main(int argc, char** argv) {
  return terrace::e2e::run_case(argc, argv, kCases, std::size(kCases));
}
