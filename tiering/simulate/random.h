// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine and library: xorshift64*, and samples by a
// table of weights. Source: S. Vigna, "An experimental exploration of Marsaglia's xorshift
// generators, scrambled", ACM TOMS 42(4), 2016; A. J. Walker, alias method, ACM TOMS 3(3), 1977.
// Not thread-safe; the table allocates on construction.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

namespace terrace::simulate {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du) {
    if (state_ == 0) state_ = 1;
    for (int i = 0; i < 8; ++i) next();
  }
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  /// In [0, limit).
  std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>(((next() >> 32) * limit) >> 32);
  }
  /// In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  template <typename T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) {
      std::swap(values[i - 1], values[below(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  std::uint64_t state_;
};

/// Index i with probability weights[i] / sum; constant time a sample.
class WeightedChoice {
 public:
  explicit WeightedChoice(const std::vector<double>& weights)
      : keep_(weights.size()), other_(weights.size(), 0) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<std::uint32_t> small;
    std::vector<std::uint32_t> large;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
      keep_[i] = weights[i] / sum * static_cast<double>(weights.size());
      (keep_[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
      const std::uint32_t low = small.back();
      const std::uint32_t high = large.back();
      small.pop_back();
      other_[low] = high;
      keep_[high] -= 1 - keep_[low];
      if (keep_[high] < 1) {
        large.pop_back();
        small.push_back(high);
      }
    }
    for (const std::uint32_t i : small) keep_[i] = 1;
    for (const std::uint32_t i : large) keep_[i] = 1;
  }

  std::uint32_t draw(Random& random) const {
    const std::uint32_t i = random.below(static_cast<std::uint32_t>(keep_.size()));
    return random.unit() < keep_[i] ? i : other_[i];
  }

 private:
  std::vector<double> keep_;
  std::vector<std::uint32_t> other_;
};

/// 1 / rank^skew for ranks 1 to n.
inline std::vector<double> zipf_weights(std::uint32_t n, double skew) {
  std::vector<double> weights;
  for (std::uint32_t i = 0; i < n; ++i) {
    weights.push_back(__builtin_pow(1.0 / static_cast<double>(i + 1), skew));
  }
  return weights;
}

}  // namespace terrace::simulate
