// SPDX-License-Identifier: Apache-2.0
// Asked against measured: streams memory behind an emulated link with one and two threads at
// several bandwidths, and measures the latency of single blocks. Prints a table, or with --json
// one line. Numbers are emulated; the program shows how well the emulation keeps to what is asked.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "allocators/backing/emulated_link.h"
#include "allocators/base/quantile.h"
#include "allocators/os/clock.h"
#include "allocators/os/mapping.h"

namespace {

using namespace terrace;

std::uint64_t read_lines(const char* from, std::uint64_t size) {
  std::uint64_t sum[8] = {};
  for (std::uint64_t i = 0; i + 512 <= size; i += 512) {
    for (int k = 0; k < 8; ++k) {
      sum[k] += *reinterpret_cast<const volatile std::uint64_t*>(from + i +
                                                                 64u * static_cast<unsigned>(k));
    }
  }
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

struct Row {
  double asked_gbps;
  int threads;
  double measured_gbps;
  double worst_error_pct;
};

struct LatencyRow {
  double asked_us;
  double measured_us;  ///< the block's own transfer taken off
};

constexpr int kRounds = 5;
constexpr unsigned kTouches = 41;

class Bench {
 public:
  Bench(double gbps, std::uint64_t latency_ns) {
    arena_ = static_cast<char*>(os::reserve_address_space(GiB(1)));
    const backing::LinkConfig config{GBps(gbps), Nanoseconds(latency_ns)};
    const Status status =
        engine_->start(arena_, blocks_for(GiB(1)), &config, 1, backing::Exactness::kPace);
    if (!status) fail(status.error().message);
    auto file = os::MemoryFile::create(kSize, os::PageKind::kHuge);
    if (!file || os::map_shared_file(arena_, kSize, file->fd(), 0) != 0) {
      file = os::MemoryFile::create(kSize, os::PageKind::kSmall);
      small_pages = true;
      if (!file || os::map_shared_file(arena_, kSize, file->fd(), 0) != 0) fail("no memory file");
    }
    file_ = std::move(*file);
    file_.allocate(0, kSize);
    if (engine_->attach(0, static_cast<std::uint32_t>(blocks_for(kSize)), 0, file_, 0) != 0) {
      fail("attach");
    }
  }
  ~Bench() {
    engine_->detach(0, static_cast<std::uint32_t>(blocks_for(kSize)));
    os::unmap(arena_, GiB(1));
  }

  double stream(int threads, double gbps) {
    const auto passes = static_cast<int>(gbps * 0.6e9 / static_cast<double>(kSize.value)) + 1;
    const Nanoseconds begin = os::monotonic_now();
    std::vector<std::thread> workers;
    const std::uint64_t part = kSize.value / static_cast<unsigned>(threads);
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([=, this] {
        for (int pass = 0; pass < passes; ++pass)
          read_lines(arena_ + part * static_cast<unsigned>(t), part);
      });
    }
    for (auto& worker : workers) worker.join();
    const double ns = static_cast<double>((os::monotonic_now() - begin).value);
    return static_cast<double>(kSize.value) * passes / ns;
  }

  /// Median time of the first touch of a closed block far from any stream.
  double touch_ns() {
    std::vector<double> spans;
    for (unsigned i = 0; i < kTouches; ++i) {
      const std::uint64_t block = (i * 37u) % blocks_for(kSize);
      const Nanoseconds begin = os::monotonic_now();
      read_lines(arena_ + (block << kBlockShift), 512);
      spans.push_back(static_cast<double>((os::monotonic_now() - begin).value));
    }
    return quantile(spans, 0.5);
  }

  [[noreturn]] static void fail(const char* why) {
    std::fprintf(stderr, "link_bandwidth: %s\n", why);
    std::exit(3);
  }
  double fault_cost_us() const { return static_cast<double>(engine_->fault_cost().value) / 1000; }
  bool small_pages = false;

 private:
  static constexpr Bytes kSize = MiB(256);
  char* arena_ = nullptr;
  os::MemoryFile file_;
  // Never freed: its thread runs until the process ends.
  backing::LinkEngine* engine_ = new backing::LinkEngine;
};

std::vector<Row> stream_at_each_rate(std::FILE* chatter) {
  std::vector<Row> rows;
  bool small_pages = false;
  for (const double asked : {0.5, 1.0, 2.0, 4.0}) {
    Bench bench(asked, 250);
    small_pages = bench.small_pages;
    for (const int threads : {1, 2}) {
      std::vector<double> rates;
      for (int round = 0; round < kRounds; ++round) rates.push_back(bench.stream(threads, asked));
      const double median = quantile(rates, 0.5);
      const double worst =
          std::max(quantile(rates, 1) / asked - 1, 1 - quantile(rates, 0) / asked) * 100;
      rows.push_back({asked, threads, median, worst});
      std::fprintf(chatter,
                   "asked %.1f GB/s  threads %d  measured %.3f GB/s  worst round %.1f %% off\n",
                   asked, threads, median, worst);
    }
  }
  std::fprintf(chatter, "pages %s\n", small_pages ? "4 KiB" : "2 MiB");
  return rows;
}

std::vector<LatencyRow> touch_at_each_latency(std::FILE* chatter) {
  std::vector<LatencyRow> rows;
  for (const std::uint64_t latency : {250ull, 100000ull, 1000000ull}) {
    Bench bench(4.0, latency);
    const double transfer = static_cast<double>(kBlockBytes.value) / 4.0;
    rows.push_back({static_cast<double>(latency) / 1000, (bench.touch_ns() - transfer) / 1000});
    std::fprintf(chatter,
                 "asked latency %.1f us  measured %.1f us (block transfer of %.0f us taken off; "
                 "fault cost compensated 2 x %.1f us)\n",
                 rows.back().asked_us, rows.back().measured_us, transfer / 1000,
                 bench.fault_cost_us());
  }
  return rows;
}

void print_json(const std::vector<Row>& rows, const std::vector<LatencyRow>& latencies) {
  std::printf("{\"emulated\":true,\"rounds\":%d,\"rows\":[", kRounds);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::printf(
        "%s{\"asked_gbps\":%.1f,\"threads\":%d,\"measured_gbps\":%.3f,\"worst_error_pct\":%.1f}",
        i == 0 ? "" : ",", rows[i].asked_gbps, rows[i].threads, rows[i].measured_gbps,
        rows[i].worst_error_pct);
  }
  std::printf("],\"touches\":%u,\"latencies\":[", kTouches);
  for (std::size_t i = 0; i < latencies.size(); ++i) {
    std::printf("%s{\"asked_us\":%.2f,\"measured_us\":%.1f}", i == 0 ? "" : ",",
                latencies[i].asked_us, latencies[i].measured_us);
  }
  std::printf("]}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  std::FILE* const chatter = json ? stderr : stdout;
  const std::vector<Row> rows = stream_at_each_rate(chatter);
  const std::vector<LatencyRow> latencies = touch_at_each_latency(chatter);
  if (json) print_json(rows, latencies);
  return 0;
}
