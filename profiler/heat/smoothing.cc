// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/smoothing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
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

// 90 % point of chi-square(k)/k, Wilson and Hilferty's cube.
double dispersion_limit(std::size_t degrees) {
  constexpr double kZ90 = 1.2816;
  const double a = 2.0 / (9.0 * static_cast<double>(degrees));
  return std::max(kMaxDispersion, std::pow(1 - a + kZ90 * std::sqrt(a), 3));
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

struct Stretch {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};

// Where the counts speak most for a quarter of the mean against the mean: the greatest partial sum
// of their log-likelihood ratios, in one pass.
Stretch coldest_stretch(std::span<const double> counts, double mean) {
  constexpr double kColder = 0.25;
  Stretch best;
  double best_sum = 0;
  double sum = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i] * std::log(kColder) + (1 - kColder) * mean;
    if (sum <= 0) {
      sum = 0;
      begin = i + 1;
    } else if (sum > best_sum) {
      best_sum = sum;
      best = {begin, i + 1};
    }
  }
  return best;
}

double sum_of(std::span<const double> counts) {
  double sum = 0;
  for (const double count : counts) sum += count;
  return sum;
}

// Would the stretch be cold even if all of its blocks were one single observation? Neighbours of a
// scan are seen and missed by the same windows, so their counts are not independent, and a long
// stretch proves no more than one block does. The stretch was looked for in as many places as fit.
bool is_apart(double stretch_mean, double rest_mean, double places) {
  if (rest_mean <= stretch_mean) return false;
  const double ratio = stretch_mean > 0 ? stretch_mean * std::log(stretch_mean / rest_mean) : 0;
  return 2 * (rest_mean - stretch_mean + ratio) > kMinGain + 2 * std::log(std::max(places, 1.0));
}

std::optional<Stretch> cold_stretch(std::span<const double> counts, double mean) {
  const Stretch stretch = coldest_stretch(counts, mean);
  const std::size_t rest = counts.size() - stretch.size();
  if (stretch.size() < kMinRun || rest < kMinRun) return std::nullopt;
  const double inside = sum_of(counts.subspan(stretch.begin, stretch.size()));
  const double outside = sum_of(counts) - inside;
  const bool apart =
      is_apart(inside / static_cast<double>(stretch.size()), outside / static_cast<double>(rest),
               static_cast<double>(counts.size()) / static_cast<double>(kMinRun));
  return apart ? std::optional(stretch) : std::nullopt;
}

void shrink(std::span<const double> counts, const Moments& moments, std::span<double> out) {
  const double prior_variance = moments.variance - moments.mean;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    out[i] = prior_variance > 0 ? (moments.mean * moments.mean / prior_variance + counts[i]) /
                                      (moments.mean / prior_variance + 1)
                                : moments.mean;
  }
}

void smooth_run(std::span<const double> counts, int depth, std::span<double> out);

// What lies before and behind the stretch is one run: it keeps one rate.
void smooth_around(std::span<const double> counts, const Stretch& cold, int depth,
                   std::span<double> out) {
  smooth_run(counts.subspan(cold.begin, cold.size()), depth + 1,
             out.subspan(cold.begin, cold.size()));
  std::vector<double> rest(counts.begin(),
                           counts.begin() + static_cast<std::ptrdiff_t>(cold.begin));
  rest.insert(rest.end(), counts.begin() + static_cast<std::ptrdiff_t>(cold.end), counts.end());
  std::vector<double> smoothed(rest.size());
  smooth_run(rest, depth + 1, smoothed);
  const auto middle = smoothed.begin() + static_cast<std::ptrdiff_t>(cold.begin);
  std::copy(smoothed.begin(), middle, out.begin());
  std::copy(middle, smoothed.end(), out.begin() + static_cast<std::ptrdiff_t>(cold.end));
}

void smooth_run(std::span<const double> counts, int depth, std::span<double> out) {
  const Moments moments = moments_of(counts);
  if (one_rate(counts, moments)) {
    const auto cold = depth < kMaxDepth ? cold_stretch(counts, moments.mean) : std::nullopt;
    if (cold) {
      smooth_around(counts, *cold, depth, out);
      return;
    }
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
