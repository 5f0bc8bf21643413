// SPDX-License-Identifier: Apache-2.0
// Figures that two sides reach in turn, round by round in one run, and what becomes of them: the
// medians, the spread of each (half the range between the quartiles), and the quartiles of the
// ratio of one round, which a machine that changes its speed between rounds does not move.
// Used by kv_benchmark and prefix_store_benchmark. One thread.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>
#include <vector>

#include "allocators/base/quantile.h"

namespace terrace::bench {

/// Which way a figure is better. The ratio is above 1 when ours is better.
enum class Better {
  kLess,  ///< plain over ours
  kMore,  ///< ours over plain
};

class PairedRounds {
 public:
  PairedRounds(std::string name, const char* unit, Better better)
      : name_(std::move(name)), unit_(unit), better_(better) {}

  void add(double ours, double plain) {
    ours_.push_back(ours);
    plain_.push_back(plain);
    ratios_.push_back(better_ == Better::kLess ? plain / ours : ours / plain);
  }

  void count_in(benchmark::State& state) const {
    state.counters["ours"] = quantile(ours_, 0.5);
    state.counters["plain"] = quantile(plain_, 0.5);
    state.counters["ratio"] = quantile(ratios_, 0.5);
  }
  void print_row() const {
    std::printf("%-30s %-13s %8.2f +-%6.2f %8.2f +-%6.2f   %.2f (%.2f .. %.2f)  n=%zu\n",
                name_.c_str(), unit_, quantile(ours_, 0.5), spread(ours_), quantile(plain_, 0.5),
                spread(plain_), quantile(ratios_, 0.5), quantile(ratios_, 0.25),
                quantile(ratios_, 0.75), ratios_.size());
  }
  void print_json() const {
    std::printf(
        "{\"name\":\"%s\",\"unit\":\"%s\",\"ours\":%.3f,\"ours_spread\":%.3f,\"plain\":%.3f,"
        "\"plain_spread\":%.3f,\"ratio\":%.3f,\"ratio_quartiles\":[%.3f,%.3f],\"rounds\":%zu}\n",
        name_.c_str(), unit_, quantile(ours_, 0.5), spread(ours_), quantile(plain_, 0.5),
        spread(plain_), quantile(ratios_, 0.5), quantile(ratios_, 0.25), quantile(ratios_, 0.75),
        ratios_.size());
  }

 private:
  static double spread(const std::vector<double>& values) {
    return (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
  }
  std::string name_;
  const char* unit_;
  Better better_;
  std::vector<double> ours_, plain_, ratios_;
};

}  // namespace terrace::bench
