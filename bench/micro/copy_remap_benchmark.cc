// SPDX-License-Identifier: Apache-2.0
// Bytes per second of exchanging the pages behind a range (allocators/extent/copy_remap.h) beside
// memcpy of the same bytes, in one run and in turn, so that a noisy machine slows both.
//   to_file     private memory into a file whose pages are there: beside memcpy from warm private
//               memory into a warm mapping of that file
//   to_private  back into private memory, which has no pages yet: beside memcpy from the warm
//               mapping into fresh private memory (the same page allocation), and into warm memory
// Counters: ratio = time of memcpy / time of the exchange (1: as fast), ratio_fresh likewise,
// cpu_ratio the same of CPU time (without writers only: robust where other work takes the cores),
// hold_us = the longest that a thread could have waited in one exchange: the median of the
// exchanges, hold_max_us the highest (a preemption of the mover, on a machine with other work),
// rounds, given_up = exchanges that returned EBUSY. `writers` threads write a word of a random page
// all the time.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "allocators/base/quantile.h"
#include "allocators/extent/copy_remap.h"
#include "allocators/os/clock.h"

namespace {

using terrace::Bytes;
using terrace::kBlockBytes;
using terrace::quantile;
using terrace::extent::CopyRemap;
using terrace::extent::RemapReport;

enum FileKind : std::int64_t { kMemfd, kMemfdHuge, kTmpfsFile };
enum PageKind : std::int64_t { kSmall, kHuge };

void plain_copy(void* to, const void* from, std::size_t size) {
  std::memcpy(to, from, size);
}

class Mapping {
 public:
  Mapping(std::size_t size, int fd, int flags) : size_(size) {
    at_ = mmap(nullptr, size + kBlockBytes.value, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const auto start = reinterpret_cast<std::uintptr_t>(at_);
    const auto aligned = (start + kBlockBytes.value - 1) & ~(kBlockBytes.value - 1);
    data_ = mmap(reinterpret_cast<void*>(aligned), size, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
                 fd, 0);
  }
  ~Mapping() { munmap(at_, size_ + kBlockBytes.value); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool ready() const { return at_ != MAP_FAILED && data_ != MAP_FAILED; }
  char* data() const { return static_cast<char*>(data_); }

 private:
  std::size_t size_;
  void* at_;
  void* data_;
};

Mapping* private_memory(std::size_t size, std::int64_t pages) {
  auto* const mapping = new Mapping(size, -1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  if (mapping->ready()) {
    madvise(mapping->data(), size, pages == kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
  return mapping;
}

int open_file(std::int64_t kind, std::size_t size) {
  int fd = -1;
  if (kind == kTmpfsFile) {
    char name[] = "/dev/shm/copy_remap_XXXXXX";
    fd = mkstemp(name);
    if (fd >= 0) unlink(name);
  } else {
    fd = memfd_create("copy_remap", kind == kMemfdHuge ? MFD_HUGETLB : 0u);
  }
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(size)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

/// Threads that write a word of a random page of a range all the time.
class Writers {
 public:
  Writers(char* at, std::size_t size, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, at, size, i] {
        std::uint64_t random = 0x9E3779B97F4A7C15u * static_cast<std::uint64_t>(i + 1);
        while (!stop_.load(std::memory_order_relaxed)) {
          random = random * 6364136223846793005u + 1442695040888963407u;
          const std::size_t page = (random >> 33) % (size / 4096);
          *reinterpret_cast<volatile std::uint64_t*>(at + page * 4096) = random;
        }
      });
    }
  }
  ~Writers() {
    stop_.store(true);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

struct Spent {
  double seconds = 0;
  double cpu_seconds = 0;  ///< of all threads
  Spent& operator+=(const Spent& other) {
    seconds += other.seconds;
    cpu_seconds += other.cpu_seconds;
    return *this;
  }
};

Spent spent_on(const auto& work) {
  const auto cpu = terrace::os::process_cpu_now();
  const auto begin = terrace::os::monotonic_now();
  work();
  const auto end = terrace::os::monotonic_now();
  return {static_cast<double>((end - begin).value) * 1e-9,
          static_cast<double>((terrace::os::process_cpu_now() - cpu).value) * 1e-9};
}

struct Sums {
  Spent exchange;
  Spent warm;
  Spent fresh;
  std::vector<double> holds;
  double rounds = 0;
  int given_up = 0;
  int done = 0;
  void add(const RemapReport& report, const Spent& spent) {
    exchange += spent;
    holds.push_back(static_cast<double>(report.longest_hold.value) * 1e-3);
    rounds += report.rounds;
    ++done;
  }
  void publish(benchmark::State& state, std::size_t size) {
    state.SetBytesProcessed(static_cast<std::int64_t>(size) * done);
    state.counters["ratio"] = warm.seconds / exchange.seconds;
    state.counters["memcpy_GBps"] = static_cast<double>(size) * done / warm.seconds * 1e-9;
    if (fresh.seconds > 0) state.counters["ratio_fresh"] = fresh.seconds / exchange.seconds;
    if (state.range(3) == 0) {
      state.counters["cpu_ratio"] = warm.cpu_seconds / exchange.cpu_seconds;
      if (fresh.seconds > 0) {
        state.counters["cpu_ratio_fresh"] = fresh.cpu_seconds / exchange.cpu_seconds;
      }
    }
    state.counters["hold_us"] = quantile(holds, 0.5);
    state.counters["hold_max_us"] = quantile(holds, 1);
    state.counters["rounds"] = rounds / done;
    state.counters["given_up"] = given_up;
  }
};

/// What both directions need; `problem` says why there is nothing to measure.
struct Rig {
  explicit Rig(const benchmark::State& state)
      : size(static_cast<std::size_t>(state.range(0)) << 20),
        file_kind(state.range(1)),
        pages(state.range(2)) {
    auto opened = CopyRemap::open();
    if (!opened) {
      problem = opened.error().message;
      return;
    }
    remap = *opened;
    fd = open_file(file_kind, size);
    if (fd < 0) {
      problem = "no such file here (huge pages: vm.nr_overcommit_hugepages)";
      return;
    }
    view.reset(new Mapping(size, fd, MAP_SHARED));
    warm.reset(private_memory(size, pages));
    if (!view->ready() || !warm->ready()) {
      problem = "mmap failed";
      return;
    }
    std::memset(view->data(), 1, size);
    std::memset(warm->data(), 2, size);
  }
  ~Rig() {
    if (fd >= 0) close(fd);
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  std::size_t size;
  std::int64_t file_kind;
  std::int64_t pages;
  std::string problem;
  CopyRemap remap;
  int fd = -1;
  std::unique_ptr<Mapping> view;
  std::unique_ptr<Mapping> warm;
};

void to_file(benchmark::State& state) {
  Rig rig(state);
  if (!rig.problem.empty()) return state.SkipWithError(rig.problem.c_str());
  Sums sums;
  for (auto _ : state) {
    std::unique_ptr<Mapping> range(private_memory(rig.size, rig.pages));
    std::memset(range->data(), 3, rig.size);
    sums.warm += spent_on([&] { std::memcpy(rig.view->data(), rig.warm->data(), rig.size); });
    RemapReport report;
    Spent spent;
    {
      const Writers writers(range->data(), rig.size, state.range(3));
      spent = spent_on([&] {
        report = rig.remap.to_file(range->data(), Bytes(rig.size), rig.fd, 0, rig.view->data(),
                                   plain_copy, {});
      });
    }
    if (report.error == EBUSY) ++sums.given_up;
    if (report.error != 0 && report.error != EBUSY) return state.SkipWithError("to_file failed");
    sums.add(report, spent);
    state.SetIterationTime(spent.seconds);
  }
  sums.publish(state, rig.size);
}

void to_private(benchmark::State& state) {
  Rig rig(state);
  if (!rig.problem.empty()) return state.SkipWithError(rig.problem.c_str());
  Sums sums;
  for (auto _ : state) {
    const Mapping range(rig.size, rig.fd, MAP_SHARED);
    if (!range.ready()) return state.SkipWithError("mmap failed");
    std::memset(range.data(), 3, rig.size);
    std::unique_ptr<Mapping> fresh(private_memory(rig.size, rig.pages));
    sums.warm += spent_on([&] { std::memcpy(rig.warm->data(), rig.view->data(), rig.size); });
    sums.fresh += spent_on([&] { std::memcpy(fresh->data(), rig.view->data(), rig.size); });
    RemapReport report;
    Spent spent;
    {
      const Writers writers(range.data(), rig.size, state.range(3));
      spent = spent_on([&] {
        report = rig.remap.to_private(range.data(), Bytes(rig.size), rig.view->data(), {},
                                      terrace::os::Binding::kPreferred);
      });
    }
    if (report.error != 0) return state.SkipWithError("to_private failed");
    sums.add(report, spent);
    state.SetIterationTime(spent.seconds);
  }
  sums.publish(state, rig.size);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"MiB", "file", "huge", "writers"})->UseManualTime();
  for (const std::int64_t size : {2, 64}) {
    for (const std::int64_t file : {kMemfd, kTmpfsFile, kMemfdHuge}) {
      for (const std::int64_t pages : {kSmall, kHuge}) {
        if (file == kTmpfsFile && pages == kSmall) continue;
        for (const std::int64_t writers : {0, 1}) benchmark->Args({size, file, pages, writers});
      }
    }
  }
}
BENCHMARK(to_file)->Apply(shapes);
BENCHMARK(to_private)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
