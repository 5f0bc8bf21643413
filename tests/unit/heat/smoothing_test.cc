// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/smoothing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace terrace::heat::smoothing_test {
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

// Four ranges of a Zipf law's tail, of four blocks each, as windows counted them: of one variance
// with chance, nearly, but not of one rate.
TEST(Smoothing, StretchesOfAFewBlocksKeepTheirOrder) {
  const std::vector<double> counts = {34, 32, 27, 26, 17, 21, 17, 16,
                                      41, 36, 34, 36, 27, 27, 30, 27};
  const std::vector<double> smooth = smooth_counts(counts);
  const auto range = [&](std::size_t i) {
    return std::accumulate(smooth.begin() + static_cast<std::ptrdiff_t>(4 * i),
                           smooth.begin() + static_cast<std::ptrdiff_t>(4 * i + 4), 0.0);
  };
  EXPECT_GT(range(2), range(0));
  EXPECT_GT(range(0), range(3));
  EXPECT_GT(range(3), range(1));
  EXPECT_NEAR(total(smooth), total(counts), 1e-6 * total(counts));
}

// A model's file as a program maps it: the embedding, of which a token reads one row, and layers
// that every token reads whole. Windows see and miss neighbours together, as those of a scan do.
std::vector<double> scanned(std::size_t blocks, std::size_t cold_begin, std::size_t cold_end,
                            int windows, std::mt19937& random) {
  constexpr double kSeen = 0.15;
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> counts(blocks, 0.0);
  for (int window = 0; window < windows; ++window) {
    const double begin = uniform(random);
    for (std::size_t i = 0; i < blocks; ++i) {
      const double at = static_cast<double>(i) / static_cast<double>(blocks);
      const double behind = at >= begin ? at - begin : at - begin + 1;
      const bool cold = i >= cold_begin && i < cold_end;
      if (behind < kSeen && (!cold || uniform(random) < 1.0 / 33)) counts[i] += 1;
    }
  }
  return counts;
}

TEST(Smoothing, ASmallColdPartOfAScannedFileIsNotTakenForAsWarmAsTheRest) {
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  constexpr std::size_t kBlocks = 558;
  constexpr std::size_t kCold = 33;
  for (const std::size_t begin : {std::size_t{0}, std::size_t{33}, std::size_t{300}}) {
    const std::vector<double> counts = scanned(kBlocks, begin, begin + kCold, 90, random);
    const std::vector<double> smooth = smooth_counts(counts);
    EXPECT_LT(smooth[begin + kCold / 2], 0.2 * smooth[kBlocks - 40]) << begin;
    EXPECT_NEAR(total(smooth), total(counts), 1e-6 * total(counts));
    if (begin > 2) {
      EXPECT_NEAR(smooth[begin - 2], smooth[begin + kCold + 1], 1e-9) << begin;
    }
  }
}

// Chance leaves traces in what neighbours have in common, but no part may come out cold.
TEST(Smoothing, AScanWhoseNeighboursAreSeenTogetherIsNotSplitIntoHotAndCold) {
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  constexpr int kScans = 400;
  int split = 0;
  for (int scan = 0; scan < kScans; ++scan) {
    const int windows = 40 + scan;
    const std::vector<double> smooth = smooth_counts(scanned(558, 0, 0, windows, random));
    const auto [least, most] = std::minmax_element(smooth.begin(), smooth.end());
    split += *least < 0.25 * *most ? 1 : 0;
  }
  RecordProperty("split", split);
  EXPECT_LE(split, kScans / 200);
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
}  // namespace terrace::heat::smoothing_test
