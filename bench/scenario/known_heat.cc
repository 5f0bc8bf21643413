// SPDX-License-Identifier: Apache-2.0
// A program whose heat is known: it reads and writes chosen ranges of one allocation, step by step,
// and prints what it did for each 2 MiB block as JSON. What a recorded session says of the same run
// is held against it (profile_cost.sh), so that each access source's error is measured.
//   known_heat --shape uniform|zipf|window|writes [--size-mib N] [--range-mib N] [--seconds S]
//              [--seed N] [--apart]
// uniform: each step reads all ranges once, as decoding reads weights. zipf: each step reads ranges
// drawn by a Zipf law (exponent 1), whose order over the memory is shuffled. window: a quarter of
// the ranges is read, and the quarter moves on by one range every eight steps. writes: each step
// reads half of the ranges and writes ranges of the other half, drawn by a Zipf law.
// With --apart each range is an allocation of its own, for sources that see no parts of objects.
// Figures are of the time after the first pass, which brings the memory in.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kMiB = 1u << 20;
constexpr std::size_t kBlock = 2 * kMiB;
constexpr int kStepsInPlace = 8;  // of the moving window

struct Options {
  std::string shape = "uniform";
  std::size_t size_mib = 256;
  std::size_t range_mib = 8;
  double seconds = 10;
  unsigned seed = 1;
  bool apart = false;
};

struct FreeMemory {
  void operator()(std::uint64_t* at) const { std::free(at); }
};
using Memory = std::unique_ptr<std::uint64_t[], FreeMemory>;

enum class Access { kRead, kWrite };

struct Action {
  std::size_t range;
  Access access;
};

/// Words that were read add up here, so that no read can be left out.
volatile std::uint64_t sink;

void read_words(const std::uint64_t* at, std::size_t words) {
  std::uint64_t sums[4] = {};
  for (std::size_t i = 0; i < words; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += at[i + lane];
  }
  sink = sums[0] + sums[1] + sums[2] + sums[3];
}

class Workload {
 public:
  explicit Workload(const Options& options)
      : shape_(options.shape),
        ranges_(options.size_mib / options.range_mib),
        random_(options.seed),
        order_(ranges_) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::shuffle(order_.begin(), order_.end(), random_);
    std::vector<double> weights(ranges_);
    for (std::size_t rank = 0; rank < ranges_; ++rank) {
      weights[rank] = 1.0 / (static_cast<double>(rank) + 1);
    }
    zipf_ = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
  }

  std::size_t ranges() const { return ranges_; }

  std::vector<Action> next_step() {
    const std::size_t step = step_++;
    std::vector<Action> actions;
    if (shape_ == "window") {
      const std::size_t width = std::max<std::size_t>(1, ranges_ / 4);
      for (std::size_t i = 0; i < width; ++i) {
        actions.push_back({(step / kStepsInPlace + i) % ranges_, Access::kRead});
      }
      return actions;
    }
    const bool writes = shape_ == "writes";
    for (std::size_t i = 0; i < ranges_; ++i) {
      if (shape_ == "zipf") {
        actions.push_back({order_[zipf_(random_)], Access::kRead});
      } else if (writes && i % 2 == 1) {
        // The draw's pair of ranges has one that is written to.
        const std::size_t second = order_[zipf_(random_)] / 2 * 2 + 1;
        actions.push_back({std::min(second, ranges_ - 1), Access::kWrite});
      } else {
        actions.push_back({i, Access::kRead});
      }
    }
    return actions;
  }

 private:
  std::string shape_;
  std::size_t ranges_;
  std::size_t step_ = 0;
  std::mt19937 random_;
  std::vector<std::size_t> order_;
  std::discrete_distribution<std::size_t> zipf_;
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double wall_seconds() {
  using std::chrono::duration;
  return duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Truth {
  std::vector<std::uint64_t> passes_read;  ///< over each range
  std::vector<std::uint64_t> passes_written;
  std::uint64_t steps = 0;
  double wall_s = 0;
  double cpu_s = 0;
};

Truth run(const Options& options, Workload& workload, const std::vector<std::uint64_t*>& ranges) {
  const std::size_t words = options.range_mib * kMiB / sizeof *ranges[0];
  Truth truth;
  truth.passes_read.resize(workload.ranges());
  truth.passes_written.resize(workload.ranges());
  const double begin_cpu = cpu_seconds();
  const double begin = wall_seconds();
  while (wall_seconds() - begin < options.seconds) {
    for (const Action& action : workload.next_step()) {
      std::uint64_t* const at = ranges[action.range];
      if (action.access == Access::kRead) {
        read_words(at, words);
        ++truth.passes_read[action.range];
      } else {
        std::memset(at, static_cast<int>(truth.steps), words * sizeof *at);
        ++truth.passes_written[action.range];
      }
    }
    ++truth.steps;
  }
  truth.wall_s = wall_seconds() - begin;
  truth.cpu_s = cpu_seconds() - begin_cpu;
  return truth;
}

/// A range of several blocks is passed whole, so each of its blocks has the range's rate.
nlohmann::json by_block(const std::vector<std::uint64_t>& passes, const Options& options,
                        double seconds) {
  nlohmann::json rates = nlohmann::json::array();
  const std::size_t blocks = options.range_mib * kMiB / kBlock;
  for (const std::uint64_t count : passes) {
    for (std::size_t i = 0; i < blocks; ++i) {
      rates.push_back(static_cast<double>(count) * kBlock / seconds);
    }
  }
  return rates;
}

/// One allocation, or one for each range; in whole 2 MiB, all of it brought in.
std::vector<Memory> allocate(const Options& options) {
  const std::size_t count = options.apart ? options.size_mib / options.range_mib : 1;
  const std::size_t bytes = options.size_mib * kMiB / count;
  std::vector<Memory> memory;
  for (std::size_t i = 0; i < count; ++i) {
    void* at = nullptr;
    if (posix_memalign(&at, kBlock, bytes) != 0) {
      std::fprintf(stderr, "known_heat: no %zu MiB of memory\n", options.size_mib);
      std::exit(1);
    }
    std::memset(at, 1, bytes);
    memory.emplace_back(static_cast<std::uint64_t*>(at));
  }
  return memory;
}

std::vector<std::uint64_t*> ranges_of(const std::vector<Memory>& memory, const Options& options) {
  const std::size_t in_one = options.size_mib / options.range_mib / memory.size();
  std::vector<std::uint64_t*> ranges;
  for (const Memory& part : memory) {
    for (std::size_t i = 0; i < in_one; ++i) {
      ranges.push_back(part.get() + i * options.range_mib * kMiB / sizeof *part.get());
    }
  }
  return ranges;
}

void print(const Options& options, const Truth& truth) {
  const nlohmann::json line = {
      {"shape", options.shape},
      {"size_bytes", options.size_mib * kMiB},
      {"range_bytes", options.range_mib * kMiB},
      {"seed", options.seed},
      {"apart", options.apart},
      {"steps", truth.steps},
      {"seconds", truth.wall_s},
      {"cpu_ms_per_step", truth.cpu_s * 1e3 / static_cast<double>(truth.steps)},
      {"block_bytes", kBlock},
      {"read_bytes_per_second", by_block(truth.passes_read, options, truth.wall_s)},
      {"written_bytes_per_second", by_block(truth.passes_written, options, truth.wall_s)}};
  std::puts(line.dump().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("reads and writes known ranges of memory and prints the truth about it");
  app.add_option("--shape", options.shape)
      ->check(CLI::IsMember({"uniform", "zipf", "window", "writes"}));
  app.add_option("--size-mib", options.size_mib)->check(CLI::Range(4, 1 << 20));
  app.add_option("--range-mib", options.range_mib)->check(CLI::Range(2, 1 << 16));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(0.1, 3600.0));
  app.add_option("--seed", options.seed);
  app.add_flag("--apart", options.apart);
  CLI11_PARSE(app, argc, argv);
  if (options.range_mib % 2 != 0 || options.size_mib % options.range_mib != 0) {
    std::fputs("known_heat: ranges are of whole 2 MiB and divide the size\n", stderr);
    return 2;
  }
  const std::vector<Memory> memory = allocate(options);
  Workload workload(options);
  print(options, run(options, workload, ranges_of(memory, options)));
}
