// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/smoothing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace terrace::heat {
namespace {

constexpr double kMaxDispersion = 1.5;
constexpr std::size_t kMinRun = 4;
// Bounds the work on counts that no cut explains well; 2^24 runs are beyond any object.
constexpr int kMaxDepth = 24;
// Twice the log-likelihood gain that a cut must bring: p < 0.001 for one more parameter.
constexpr double kMinGain = 10.8;

struct Moments {
  double mean = 0;
  double variance = 0;
};

Moments moments_of(std::span<const double> counts) {
  Moments moments;
  const auto n = static_cast<double>(counts.size());
  for (const double count : counts) moments.mean += count / n;
  if (counts.size() < 2) return moments;
  for (const double count : counts) {
    moments.variance += (count - moments.mean) * (count - moments.mean) / (n - 1);
  }
  return moments;
}

// 99 % point of chi-square(k)/k, Wilson and Hilferty's cube.
double dispersion_limit(std::size_t degrees) {
  constexpr double kZ99 = 2.326;
  const double a = 2.0 / (9.0 * static_cast<double>(degrees));
  return std::max(kMaxDispersion, std::pow(1 - a + kZ99 * std::sqrt(a), 3));
}

bool one_rate(std::span<const double> counts, const Moments& moments) {
  if (counts.size() < 2 || moments.mean <= 0) return true;
  return moments.variance / moments.mean <= dispersion_limit(counts.size() - 1);
}

// sum * log(mean): the part of a run's Poisson log-likelihood that depends on its mean.
double likelihood(double sum, double n) {
  return sum > 0 ? sum * std::log(sum / n) : 0;
}

struct Cut {
  std::size_t at = 0;
  double gain = 0;
};

Cut best_cut(std::span<const double> counts) {
  double total = 0;
  for (const double count : counts) total += count;
  const auto n = static_cast<double>(counts.size());
  Cut best;
  double left = 0;
  for (std::size_t at = 1; at < counts.size(); ++at) {
    left += counts[at - 1];
    const auto n_left = static_cast<double>(at);
    const double gain = 2 * (likelihood(left, n_left) + likelihood(total - left, n - n_left) -
                             likelihood(total, n));
    if (gain > best.gain) best = {at, gain};
  }
  return best;
}

void shrink(std::span<const double> counts, const Moments& moments, std::span<double> out) {
  const double prior_variance = moments.variance - moments.mean;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out[i] = prior_variance > 0 ? (moments.mean * moments.mean / prior_variance + counts[i]) /
                                      (moments.mean / prior_variance + 1)
                                : moments.mean;
  }
}

void smooth_run(std::span<const double> counts, int depth, std::span<double> out) {
  const Moments moments = moments_of(counts);
  if (one_rate(counts, moments)) {
    std::fill(out.begin(), out.end(), moments.mean);
    return;
  }
  const Cut cut = best_cut(counts);
  if (counts.size() < 2 * kMinRun || depth == kMaxDepth || cut.gain < kMinGain) {
    shrink(counts, moments, out);
    return;
  }
  smooth_run(counts.first(cut.at), depth + 1, out.first(cut.at));
  smooth_run(counts.subspan(cut.at), depth + 1, out.subspan(cut.at));
}

}  // namespace

std::vector<double> smooth_counts(const std::vector<double>& counts) {
  std::vector<double> smoothed(counts.size());
  if (!counts.empty()) smooth_run(counts, 0, smoothed);
  return smoothed;
}

}  // namespace terrace::heat
