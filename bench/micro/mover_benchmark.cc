// SPDX-License-Identifier: Apache-2.0
// What the mover costs on top of the kernel: node to node against one raw move_pages call of the
// same pages, to a file tier and back against memcpy of the same bytes. Both sides run in turn in
// each round, in changing order and direction, and the last lines state the ratios. Node to node
// needs two NUMA nodes: run it in a lab machine, where only the ratio means something.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "allocators/base/quantile.h"
#include "allocators/topology/sysfs_text.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kBlock = kBlockBytes.value;

/// Seconds of both sides, by name of the comparison.
struct Rounds {
  std::vector<double> mover;
  std::vector<double> other;
};
std::map<std::string, Rounds>& all_rounds() {
  static std::map<std::string, Rounds> rounds;
  return rounds;
}

template <typename Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Whole blocks of private memory, every page touched.
class Range {
 public:
  Range(std::size_t size, int advice) : size_(size) {
    reserved_ = mmap(nullptr, size + kBlock, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const auto base = (reinterpret_cast<std::uintptr_t>(reserved_) + kBlock - 1) & ~(kBlock - 1);
    at_ = static_cast<char*>(mmap(reinterpret_cast<void*>(base), size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    madvise(at_, size, advice);
    std::memset(at_, 1, size);
  }
  ~Range() { munmap(reserved_, size_ + kBlock); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  char* data() const { return at_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  void* reserved_;
  char* at_;
};

std::vector<int> memory_nodes() {
  const auto listed = read_node_list("/sys/devices/system/node/has_memory");
  if (!listed) return {0};  // a kernel without NUMA
  std::vector<int> nodes;
  for (const NodeId node : *listed) nodes.push_back(raw(node));
  return nodes;
}

Tier tier_of(int node) {
  Tier tier;
  tier.name = "node" + std::to_string(node);
  tier.nodes = {NodeId{node}};
  return tier;
}

std::unique_ptr<Mover> mover_with(int threads) {
  MoverOptions options;
  options.threads = threads;
  auto made = Mover::create(options);
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message);
    std::exit(3);
  }
  return std::move(*made);
}

/// One call for all pages; for huge ones by their first addresses, which is the call at its best.
bool raw_move(const Range& range, std::size_t stride, int node) {
  std::vector<void*> pages;
  for (std::size_t at = 0; at < range.size(); at += stride) pages.push_back(range.data() + at);
  const std::vector<int> nodes(pages.size(), node);
  std::vector<int> status(pages.size());
  return syscall(SYS_move_pages, 0, pages.size(), pages.data(), nodes.data(), status.data(),
                 MPOL_MF_MOVE) == 0;
}

enum class PageSize { kSmall, kHuge };

int advice_for(PageSize pages) {
  return pages == PageSize::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
}
std::size_t bytes_of(PageSize pages) {
  return pages == PageSize::kHuge ? kBlock : kPage;
}
const char* name_of(PageSize pages) {
  return pages == PageSize::kHuge ? "2 MiB pages" : "4 KiB pages";
}

void node_to_node(benchmark::State& state, PageSize pages) {
  const std::vector<int> nodes = memory_nodes();
  if (nodes.size() < 2) {
    state.SkipWithError("needs two NUMA nodes: run it in a lab machine");
    return;
  }
  const auto threads = static_cast<int>(state.range(0));
  Range range(std::size_t{24} * kBlock, advice_for(pages));
  const Tier tiers[] = {tier_of(nodes[0]), tier_of(nodes[1])};
  const auto mover = mover_with(threads);
  if (mover->move({range.data(), Bytes(range.size()), &tiers[0], 0}).refused != "") {
    state.SkipWithError("the range cannot be moved here");
    return;
  }
  Rounds& rounds = all_rounds()[std::string("node to node, ") + name_of(pages) + " / move_pages, " +
                                std::to_string(threads) + " threads"];
  int to = 1;
  int turn = 0;
  for (auto _ : state) {
    double seconds[2] = {};
    for (int i = 0; i < 2; ++i, to = 1 - to) {
      const bool is_mover = (i + turn) % 2 == 0;
      bool done = false;
      const auto work = [&] {
        done = is_mover ? mover->move({range.data(), Bytes(range.size()), &tiers[to], 0}).moved ==
                              Bytes(range.size())
                        : raw_move(range, bytes_of(pages), nodes[static_cast<std::size_t>(to)]);
      };
      seconds[is_mover ? 0 : 1] = seconds_of(work);
      if (!done) state.SkipWithError("a page stayed where it was");
    }
    // Every second round ends where it began, so that both sides go both ways equally often.
    if (++turn % 2 == 0) raw_move(range, bytes_of(pages), nodes[static_cast<std::size_t>(to)]);
    if (turn % 2 == 0) to = 1 - to;
    rounds.mover.push_back(seconds[0]);
    rounds.other.push_back(seconds[1]);
    state.SetIterationTime(seconds[0]);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(range.size()));
}

/// A file whose pages are there, and a view of it with all its page-table entries.
class ShmFile {
 public:
  explicit ShmFile(std::size_t size) : size_(size) {
    path_ = "/dev/shm/terrace-mover-benchmark-XXXXXX";
    const int fd = mkostemp(path_.data(), O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) std::exit(3);
    view_ = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    if (view_ == MAP_FAILED) std::exit(3);
    std::memset(view_, 1, size);
  }
  ~ShmFile() {
    munmap(view_, size_);
    unlink(path_.c_str());
  }
  ShmFile(const ShmFile&) = delete;
  ShmFile& operator=(const ShmFile&) = delete;
  Tier tier() const {
    Tier tier;
    tier.name = "file";
    tier.backing = BackingKind::kDax;
    tier.path = path_;
    return tier;
  }
  char* view() const { return view_; }

 private:
  std::size_t size_;
  std::string path_;
  char* view_ = nullptr;
};

/// MiB of huge pages at [at, at+size), as /proc/self/smaps says.
std::uint64_t huge_mebibytes(const char* at, std::size_t size) {
  std::ifstream smaps("/proc/self/smaps");
  std::uint64_t kilobytes = 0;
  bool inside = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long begin = 0;
    unsigned long end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      const auto address = reinterpret_cast<std::uintptr_t>(at);
      inside = begin < address + size && address < end;
    }
    if (inside && line.starts_with("AnonHugePages:")) kilobytes += std::stoull(line.substr(14));
  }
  return kilobytes >> 10;
}

void make_small(char* at, std::size_t size) {
  for (const int advice : {MADV_NOHUGEPAGE, MADV_DONTNEED}) madvise(at, size, advice);
  std::memset(at, 1, size);
}

/// One memcpy by one thread, whatever the mover has: into the file's warm mapping, since a block
/// that is claimed has its pages; back into memory that has none yet (fresh), since a move must
/// allocate too, and into memory that has them (warm).
double copied_in(char* to, const char* from, std::size_t size) {
  return seconds_of([&] { std::memcpy(to, from, size); });
}
double copied_fresh(const char* from, std::size_t size) {
  const std::size_t room = size + kBlock;
  void* const raw = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) std::exit(3);
  const auto base = (reinterpret_cast<std::uintptr_t>(raw) + kBlock - 1) & ~(kBlock - 1);
  madvise(reinterpret_cast<void*>(base), size, MADV_HUGEPAGE);
  const double seconds = copied_in(reinterpret_cast<char*>(base), from, size);
  munmap(raw, room);
  return seconds;
}

void copy_and_remap(benchmark::State& state, PageSize pages) {
  constexpr std::size_t kSize = 32 * kBlock;
  const auto threads = static_cast<int>(state.range(0));
  const Range range(kSize, MADV_HUGEPAGE);
  const Range other(kSize, MADV_HUGEPAGE);
  const ShmFile file(kSize);
  const ShmFile plain_file(kSize);
  const Tier tiers[] = {file.tier(), tier_of(memory_nodes()[0])};
  const auto mover = mover_with(threads);
  const std::string tail =
      std::string(", ") + name_of(pages) + ", " + std::to_string(threads) + " threads";
  Rounds& out = all_rounds()["to a file / memcpy" + tail];
  Rounds& fresh = all_rounds()["from a file / memcpy into fresh" + tail];
  Rounds& warm = all_rounds()["from a file / memcpy into warm" + tail];
  double huge_after = 0;
  const auto moved = [&](int way) {
    MoveReport report;
    const MoveOrder order{range.data(), Bytes(kSize), &tiers[way], 0};
    const double seconds = seconds_of([&] { report = mover->move(order); });
    if (report.moved != Bytes(kSize)) {
      state.SkipWithError(report.refused.empty() ? "a page stayed" : report.refused.c_str());
    }
    return seconds;
  };
  for (auto _ : state) {
    if (pages == PageSize::kSmall) make_small(range.data(), kSize);
    out.mover.push_back(moved(0));
    out.other.push_back(copied_in(plain_file.view(), other.data(), kSize));
    fresh.mover.push_back(moved(1));
    fresh.other.push_back(copied_fresh(plain_file.view(), kSize));
    warm.mover.push_back(fresh.mover.back());
    warm.other.push_back(copied_in(other.data(), plain_file.view(), kSize));
    huge_after += static_cast<double>(huge_mebibytes(range.data(), kSize));
    state.SetIterationTime(out.mover.back() + fresh.mover.back());
  }
  state.counters["huge_MiB_after"] = huge_after / static_cast<double>(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * kSize));
}

void copy_from_huge(benchmark::State& state) {
  copy_and_remap(state, PageSize::kHuge);
}
void copy_from_small(benchmark::State& state) {
  copy_and_remap(state, PageSize::kSmall);
}
void small_pages(benchmark::State& state) {
  node_to_node(state, PageSize::kSmall);
}
void huge_pages(benchmark::State& state) {
  node_to_node(state, PageSize::kHuge);
}
BENCHMARK(small_pages)->Arg(1)->Arg(2)->Iterations(16)->UseManualTime();
BENCHMARK(huge_pages)->Arg(1)->Arg(2)->Iterations(16)->UseManualTime();
BENCHMARK(copy_from_huge)->Arg(1)->Arg(2)->Iterations(16)->UseManualTime();
BENCHMARK(copy_from_small)->Arg(1)->Arg(2)->Iterations(16)->UseManualTime();

void print_ratios() {
  std::printf("\nspeed of the mover over that of the other, round by round: median (quartiles)\n");
  for (const auto& [name, rounds] : all_rounds()) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < rounds.mover.size(); ++i) {
      ratios.push_back(rounds.other[i] / rounds.mover[i]);
    }
    if (ratios.empty()) continue;
    std::printf("ratio %-62s %.2f (%.2f .. %.2f)  n=%zu\n", name.c_str(), quantile(ratios, 0.5),
                quantile(ratios, 0.25), quantile(ratios, 0.75), ratios.size());
  }
}

}  // namespace
}  // namespace terrace::migrate

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  terrace::migrate::print_ratios();
  return 0;
}
