// SPDX-License-Identifier: Apache-2.0
// Cases that memory_error_test.cc runs under the real shim: pages of materialised weights go bad.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/fault/poison.h"
#include "tests/unit/runtime/program.h"

namespace terrace::e2e {
namespace {

constexpr int kSkipped = 77;

[[noreturn]] void skip(const char* missing) {
  std::fprintf(stderr, "skipped: %s (errno %d)\n", missing, errno);
  std::fflush(stderr);
  _exit(kSkipped);
}

void poison(char* at, std::size_t bytes) {
  if (const char* missing = testing_support::poison(at, bytes)) skip(missing);
}

struct Weights {
  char* at = nullptr;
  std::size_t size = 0;
  std::vector<char> file;
  bool same(std::size_t begin, std::size_t bytes) const {
    return std::memcmp(at + begin, file.data() + begin, bytes) == 0;
  }
};

const char* weights_path() {
  const char* path = std::getenv("TERRACE_TEST_FILE");
  REQUIRE(path != nullptr);
  return path;
}

Weights map_weights() {
  Weights weights;
  const int fd = open(weights_path(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  weights.size = static_cast<std::size_t>(lseek(fd, 0, SEEK_END));
  weights.file.resize(weights.size);
  REQUIRE(pread(fd, weights.file.data(), weights.size, 0) == static_cast<ssize_t>(weights.size));
  void* mapped = mmap(nullptr, weights.size, PROT_READ, MAP_PRIVATE, fd, 0);
  REQUIRE(mapped != MAP_FAILED);
  weights.at = static_cast<char*>(mapped);
  close(fd);
  REQUIRE(reinterpret_cast<std::uintptr_t>(mapped) % kBlock == 0);  // it was materialised
  REQUIRE(weights.same(0, weights.size));
  return weights;
}

bool on_hardware() {
  const char* kind = std::getenv("TERRACE_TEST_POISON");
  return kind != nullptr && std::strcmp(kind, "hardware") == 0;
}

/// The page's node, by move_pages as a query; negative when it has none.
int node_of(void* at) {
  int node = -1;
  syscall(SYS_move_pages, 0, 1ul, &at, nullptr, &node, 0);
  return node;
}

/// The unit in which pages go bad here: a huge page where the object has such.
std::size_t lost_unit() {
  const char* unit = std::getenv("TERRACE_TEST_UNIT");
  return unit != nullptr ? std::strtoul(unit, nullptr, 10) : 4096;
}

volatile sig_atomic_t bus_signals = 0;
siginfo_t bus_info;

void count_and_replace(int, siginfo_t* info, void*) {
  bus_signals = bus_signals + 1;
  bus_info = *info;
  const std::uintptr_t unit = lost_unit();
  void* const page =
      reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(unit - 1));
  // Past the shim's munmap-like handling: this is what a program without us would do.
  syscall(SYS_mmap, page, unit, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void install_counter() {
  struct sigaction action {};
  action.sa_sigaction = &count_and_replace;
  action.sa_flags = SA_SIGINFO;
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
}

}  // namespace

/// Four errors: first page, the middle, twice the same, the last partial page.
void clean_weights_are_read_again() {
  const Weights weights = map_weights();
  const std::size_t unit = lost_unit();
  const int before = node_of(weights.at);
  poison(weights.at, unit);
  REQUIRE(weights.same(0, weights.size));
  REQUIRE(node_of(weights.at) >= 0);
  if (std::getenv("TERRACE_TEST_OTHER_NODE") != nullptr) REQUIRE(node_of(weights.at) != before);
  const std::size_t middle = weights.size / 2 & ~(unit - 1);
  for (int again = 0; again < 2; ++again) {
    poison(weights.at + middle, unit);
    REQUIRE(weights.same(middle, unit));
  }
  const std::size_t last = weights.size & ~(unit - 1);
  poison(weights.at + last, unit);
  REQUIRE(weights.same(0, weights.size));
  const std::size_t page_end = (weights.size + 4095) & ~std::size_t{4095};
  for (std::size_t i = weights.size; i < page_end; ++i) REQUIRE(weights.at[i] == 0);
  REQUIRE(munmap(weights.at, weights.size) == 0);
}

/// All readers meet the lost page at once: so many pages that they do so at every point of a mend.
void threads_on_one_lost_page() {
  constexpr int kReaders = 4;
  const Weights weights = map_weights();
  const std::size_t unit = lost_unit();
  const std::size_t pages = unit == 4096 ? 200 : 8;
  std::atomic<std::size_t> lost{0};
  std::barrier turn(kReaders + 1);
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      for (std::size_t page = 0; page < pages; ++page) {
        turn.arrive_and_wait();
        while (lost.load() <= page) {
        }
        REQUIRE(weights.same(page * unit, unit));
        turn.arrive_and_wait();
      }
    });
  }
  for (std::size_t page = 0; page < pages; ++page) {
    turn.arrive_and_wait();
    poison(weights.at + page * unit, unit);
    lost.store(page + 1);
    turn.arrive_and_wait();
  }
  for (std::thread& reader : readers) reader.join();
  REQUIRE(weights.same(0, weights.size));
}

void child_reads_again() {
  const Weights weights = map_weights();
  const int pid = fork();
  if (pid == 0) {
    poison(weights.at + 4 * lost_unit(), lost_unit());
    REQUIRE(weights.same(0, weights.size));
    _exit(0);
  }
  const int status = wait_for(pid);
  if (status == kSkipped) _exit(kSkipped);
  REQUIRE(status == 0);
  REQUIRE(weights.same(0, weights.size));
}

/// A file that is not what it was is never mixed in: the program's handler gets the signal.
void changed_file_is_passed_on() {
  const Weights weights = map_weights();
  install_counter();
  const int fd = open(weights_path(), O_WRONLY | O_CLOEXEC);
  REQUIRE(fd >= 0 && pwrite(fd, "changed", 7, 100) == 7);
  close(fd);
  const std::size_t unit = lost_unit();
  poison(weights.at + unit, unit);
  REQUIRE(*static_cast<volatile char*>(weights.at + unit + 100) == 0);
  REQUIRE(bus_signals == 1);
  // MADV_HWPOISON raises the signal by itself, for the page and not for an access.
  REQUIRE(bus_info.si_signo == SIGBUS);
  REQUIRE(bus_info.si_addr == weights.at + unit + (on_hardware() ? 0 : 100));
  // The second is what a kernel without CONFIG_MEMORY_FAILURE says of UFFDIO_POISON.
  REQUIRE(bus_info.si_code == BUS_MCEERR_AR || bus_info.si_code == BUS_ADRERR);
  REQUIRE(weights.same(2 * unit, weights.size - 2 * unit));
}

/// And by default the program ends as it would without us.
void changed_file_ends_the_program() {
  const Weights weights = map_weights();
  const int fd = open(weights_path(), O_WRONLY | O_CLOEXEC);
  REQUIRE(fd >= 0 && pwrite(fd, "changed", 7, 100) == 7);
  close(fd);
  const int pid = fork();
  if (pid == 0) {
    poison(weights.at, lost_unit());
    _exit(*static_cast<volatile char*>(weights.at));
  }
  const int status = wait_for(pid);
  if (status == kSkipped) _exit(kSkipped);
  REQUIRE(status == 128 + SIGBUS);
}

/// What the program may have written is not clean any more.
void written_weights_are_passed_on() {
  const Weights weights = map_weights();
  install_counter();
  REQUIRE(mprotect(weights.at, weights.size, PROT_READ | PROT_WRITE) == 0);
  weights.at[0] = static_cast<char>(weights.at[0] + 1);
  poison(weights.at, 4096);
  REQUIRE(*static_cast<volatile char*>(weights.at) == 0);
  REQUIRE(bus_signals == 1);
}

/// The kernel answers EFAULT to a system call on the lost page; an access mends it, the call works.
void system_calls_on_a_lost_page() {
  const Weights weights = map_weights();
  const std::size_t unit = lost_unit();
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  poison(weights.at + unit, unit);
  errno = 0;
  const ssize_t put = write(ends[1], weights.at + unit, 100);
  // MADV_HWPOISON has raised its signal by now, and all is well again.
  if (!on_hardware()) REQUIRE(put == -1 && (errno == EFAULT || errno == EHWPOISON));
  if (on_hardware()) REQUIRE(put == 100);
  REQUIRE(weights.same(unit, unit));
  REQUIRE(write(ends[1], weights.at + unit, 100) == 100);
}

/// The lab: a DAX device is taken from its driver while weights and a heap block lie on it. The
/// weights are read again into other memory, the block's loss is the program's, new memory is had.
/// The copy to compare with is below the threshold of objects.
void device_is_unbound() {
  const Weights weights = map_weights();
  auto* block = static_cast<char*>(std::malloc(4 * kBlock));
  REQUIRE(block != nullptr);
  fill(block, 4 * kBlock, 1);
  install_counter();
  const int fd = open("/sys/bus/dax/drivers/device_dax/unbind", O_WRONLY | O_CLOEXEC);
  REQUIRE(fd >= 0 && write(fd, "dax0.0", 6) == 6);
  close(fd);
  REQUIRE(weights.same(0, weights.size));
  REQUIRE(bus_signals == 0);
  REQUIRE(*static_cast<volatile char*>(block + kBlock) == 0);
  REQUIRE(bus_signals == 1 && bus_info.si_addr == block + kBlock);
  auto* fresh = static_cast<char*>(std::malloc(4 * kBlock));
  REQUIRE(fresh != nullptr);
  fill(fresh, 4 * kBlock, 2);
  REQUIRE(holds(fresh, 4 * kBlock, 2));
  std::free(fresh);
  std::free(block);
  REQUIRE(weights.same(0, weights.size));
}

/// The lab: the node under a block is taken offline, which moves its pages; what is there stays,
/// and new blocks are had from elsewhere.
void node_goes_away() {
  const std::size_t size = 3 * kBlock;  // the first block is on the fast tier
  auto* block = static_cast<char*>(std::malloc(size));
  REQUIRE(block != nullptr);
  fill(block, size, 1);
  const int before = node_of(block + kBlock);
  REQUIRE(before > 0);
  std::printf("ready\n");
  std::fflush(stdout);
  REQUIRE(std::getchar() == 'g');
  REQUIRE(holds(block, size, 1));
  REQUIRE(node_of(block + kBlock) >= 0 && node_of(block + kBlock) != before);
  auto* fresh = static_cast<char*>(std::malloc(size));
  REQUIRE(fresh != nullptr);
  fill(fresh, size, 2);
  REQUIRE(holds(fresh, size, 2) && node_of(fresh + kBlock) != before);
}

}  // namespace terrace::e2e

namespace {

constexpr terrace::e2e::Case kCases[] = {
    TERRACE_CASE(clean_weights_are_read_again),
    TERRACE_CASE(threads_on_one_lost_page),
    TERRACE_CASE(child_reads_again),
    TERRACE_CASE(changed_file_is_passed_on),
    TERRACE_CASE(changed_file_ends_the_program),
    TERRACE_CASE(written_weights_are_passed_on),
    TERRACE_CASE(system_calls_on_a_lost_page),
    TERRACE_CASE(device_is_unbound),
    TERRACE_CASE(node_goes_away),
};

}  // namespace

int main(int argc, char** argv) {
  return terrace::e2e::run_case(argc, argv, kCases, std::size(kCases));
}
