// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/smoothing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace terrace::heat {
namespace {

constexpr unsigned kSeed = 77123;

std::vector<double> drawn(const std::vector<double>& rates, std::mt19937& random) {
  std::vector<double> counts;
  for (const double rate : rates) {
    counts.push_back(std::poisson_distribution<int>(rate)(random));
  }
  return counts;
}

double squared_error(const std::vector<double>& found, const std::vector<double>& truth) {
  double sum = 0;
  for (std::size_t i = 0; i < found.size(); ++i) sum += std::pow(found[i] - truth[i], 2);
  return sum;
}

double total(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Smoothing, OneRateBecomesOneFigure) {
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  for (const double rate : {0.5, 4.0, 100.0}) {
    const std::vector<double> counts = drawn(std::vector<double>(300, rate), random);
    const std::vector<double> smooth = smooth_counts(counts);
    EXPECT_EQ(smooth.front(), smooth.back()) << rate;
    EXPECT_NEAR(total(smooth), total(counts), 1e-6);
  }
}

TEST(Smoothing, FindsWhereHotMemoryEnds) {
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  std::vector<double> rates(120, 30.0);
  std::fill(rates.begin() + 50, rates.begin() + 90, 3.0);
  const std::vector<double> smooth = smooth_counts(drawn(rates, random));
  EXPECT_EQ(smooth[0], smooth[48]);
  EXPECT_EQ(smooth[52], smooth[88]);
  EXPECT_NEAR(smooth[20], 30, 3);
  EXPECT_NEAR(smooth[70], 3, 1);
  EXPECT_NEAR(smooth[110], 30, 3);
}

TEST(Smoothing, BlocksThatTrulyDifferAreDrawnTowardTheMeanAndEndCloserToTheTruth) {
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  std::gamma_distribution<double> heat(4.0, 2.0);
  std::vector<double> rates(400);
  for (double& rate : rates) rate = heat(random);
  const std::vector<double> counts = drawn(rates, random);
  const std::vector<double> smooth = smooth_counts(counts);
  EXPECT_LT(squared_error(smooth, rates), 0.9 * squared_error(counts, rates));
  EXPECT_NEAR(total(smooth), total(counts), 1e-6 * total(counts));
  EXPECT_GT(*std::max_element(smooth.begin(), smooth.end()),
            2 * *std::min_element(smooth.begin(), smooth.end()));
}

TEST(Smoothing, KeepsExtremesWithinBounds) {
  EXPECT_TRUE(smooth_counts({}).empty());
  EXPECT_EQ(smooth_counts({7}), std::vector<double>{7});
  EXPECT_EQ(smooth_counts({0, 0, 0}), (std::vector<double>{0, 0, 0}));
  std::vector<double> wild(10000);
  for (std::size_t i = 0; i < wild.size(); ++i) wild[i] = i % 2 == 0 ? 0 : 4294967295.0 * 1000;
  for (const double value : smooth_counts(wild)) {
    EXPECT_TRUE(std::isfinite(value));
    EXPECT_GE(value, 0);
  }
}

}  // namespace
}  // namespace terrace::heat
