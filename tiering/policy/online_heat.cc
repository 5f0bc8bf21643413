// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/online_heat.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace terrace::policy {
namespace {

// Steps after which an observation counts half: a burst, a regime, the long run.
constexpr std::array<double, OnlineHeat::kAverages> kHalfLives = {3, 24, 256};
constexpr std::size_t kPowers = 4096;
// Steps in a row that make a stream: a block that is read in nine of ten steps by chance passes for
// one in 12 of 100 looks.
constexpr std::uint64_t kStreamRun = 20;
// Evidence that the first guess weighs as much as: that of a few dozen blocks.
constexpr double kFirstGuess = 1;
// Steps that an average with the longest half-life counts at most: the sum of its weights, squared,
// over the sum of their squares.
constexpr double kMostCounted = 2 * 256 / 0.6931;
// Touches a step below which counts are taken as equally uncertain.
constexpr double kLeastRate = 0.02;
// What held for so many steps is expected to hold for so many times as many.
constexpr double kHoldsFor = 2;
// Share of a steady block's touches that the long average predicts, below which heat counts as
// changing.
constexpr double kMixed = 0.75;
// The longest that an expectation may hold, in steps.
constexpr double kLongestHorizon = 512;

// Solves a small symmetric system by elimination; a pivot that vanished leaves its unknown at 0.
template <std::size_t N>
std::array<double, N> solve(std::array<std::array<double, N>, N> a, std::array<double, N> b) {
  for (std::size_t i = 0; i < N; ++i) {
    if (std::fabs(a[i][i]) < 1e-12) continue;
    for (std::size_t row = i + 1; row < N; ++row) {
      const double factor = a[row][i] / a[i][i];
      for (std::size_t k = i; k < N; ++k) a[row][k] -= factor * a[i][k];
      b[row] -= factor * b[i];
    }
  }
  std::array<double, N> x{};
  for (std::size_t i = N; i-- > 0;) {
    double rest = b[i];
    for (std::size_t k = i + 1; k < N; ++k) rest -= a[i][k] * x[k];
    x[i] = std::fabs(a[i][i]) < 1e-12 ? 0 : rest / a[i][i];
  }
  return x;
}

// The same with unknowns that must not be negative: those that would be are left out, one at a
// time, the lowest first. Exact for what is left; enough for three unknowns.
template <std::size_t N>
std::array<double, N> solve_without_negatives(std::array<std::array<double, N>, N> a,
                                              std::array<double, N> b) {
  for (std::size_t round = 0; round < N; ++round) {
    const std::array<double, N> x = solve(a, b);
    const auto least = std::min_element(x.begin(), x.end());
    if (*least >= 0) return x;
    const auto out = static_cast<std::size_t>(least - x.begin());
    for (std::size_t i = 0; i < N; ++i) a[i][out] = a[out][i] = 0;
    b[out] = 0;
  }
  return solve(a, b);
}

}  // namespace

OnlineHeat::OnlineHeat(const Layout& layout, double price)
    : layout_(layout),
      price_(price),
      heat_(layout.blocks()),
      born_(layout.blocks(), 0),
      object_of_(layout.blocks(), 0),
      touches_(layout.blocks(), 0),
      touches_at_snapshot_(layout.blocks(), 0),
      snapshot_(layout.blocks()),
      evidence_(layout.objects.size()) {
  for (std::size_t n = 0; n < kPowers; ++n) {
    Features left{};
    Features correction{};
    for (std::size_t i = 0; i < kAverages; ++i) {
      left[i] = std::exp2(-static_cast<double>(n) / kHalfLives[i]);
      correction[i] = n > 0 ? 1 / (1 - left[i]) : 0;
    }
    powers_.push_back(left);
    corrections_.push_back(correction);
  }
  // Nothing is left after longer, and nothing to be corrected.
  powers_.push_back({});
  corrections_.push_back({1, 1, 1});
  range_of_.resize(layout.blocks());
  std::uint32_t ranges = 0;
  for (std::uint32_t o = 0; o < layout.objects.size(); ++o) {
    const ObjectSpan& span = layout.objects[o];
    for (std::uint32_t i = 0; i < span.count; ++i) {
      range_of_[span.first + i] = ranges + i / kRangeBlocks;
    }
    ranges += (span.count + kRangeBlocks - 1) / kRangeBlocks;
    std::fill_n(object_of_.begin() + span.first, span.count, o);
    evidence_[o].weights = {0, 0, static_cast<double>(kHorizon)};
  }
  range_burst_.assign(ranges, 0.0);
}

const OnlineHeat::Features& OnlineHeat::decay(std::uint64_t steps) const {
  return powers_[std::min<std::uint64_t>(steps, kPowers)];
}

void OnlineHeat::allocated(BlockId block) {
  heat_[block] = {{}, static_cast<std::uint32_t>(now_), 0};
  born_[block] = now_;
  touches_[block] = 0;
  touches_at_snapshot_[block] = 0;
  snapshot_[block] = {};
}

void OnlineHeat::touched(const Touch& touch) {
  for (BlockId block = touch.first; block < touch.first + touch.count; ++block) {
    BlockHeat& heat = heat_[block];
    const std::uint64_t gap = now_ - heat.last;
    const Features& left = decay(gap);
    for (std::size_t i = 0; i < kAverages; ++i) {
      heat.average[i] = static_cast<float>(heat.average[i] * left[i] + 1 - powers_[1][i]);
    }
    // A block's first touch falls in the step of its birth, or begins a run.
    heat.run = gap == 1 || (gap == 0 && heat.run == 0 && age(block) == 0) ? heat.run + 1 : 0;
    heat.last = static_cast<std::uint32_t>(now_);
    ++touches_[block];
  }
}

OnlineHeat::Features OnlineHeat::averages(BlockId block) const {
  const BlockHeat& heat = heat_[block];
  const std::uint64_t gap = now_ - heat.last;
  // An average at the end of the step that a touch fell in has not decayed yet.
  const Features& left = decay(gap > 0 ? gap - 1 : 0);
  const Features& correction = corrections_[std::clamp<std::uint64_t>(age(block), 1, kPowers)];
  Features averages;
  for (std::size_t i = 0; i < kAverages; ++i) {
    averages[i] = heat.average[i] * left[i] * correction[i];
  }
  return averages;
}

bool OnlineHeat::streamed(BlockId block) const {
  const BlockHeat& heat = heat_[block];
  const std::uint64_t wanted = std::min<std::uint64_t>(kStreamRun, age(block));
  return now_ - heat.last == 1 && heat.run > 0 && heat.run >= wanted;
}

void OnlineHeat::refresh() {
  std::fill(range_burst_.begin(), range_burst_.end(), 0.0);
  for (BlockId block = 0; block < layout_.blocks(); ++block) {
    range_burst_[range_of_[block]] += averages(block)[0] / kRangeBlocks;
  }
}

OnlineHeat::Features OnlineHeat::features(BlockId block) const {
  Features features = averages(block);
  features[0] = range_burst_[range_of_[block]];
  return features;
}

double OnlineHeat::predict(const Evidence& evidence, const Features& features) {
  double touches = 0;
  for (std::size_t i = 0; i < kAverages; ++i) touches += evidence.weights[i] * features[i];
  return touches;
}

// Two sizes an octave: the exponent of the number and the first bit after its leading one.
std::size_t OnlineHeat::size_of(double touches) {
  constexpr std::int64_t kSmallest = 2 * (1023 - 7);  // 1/128 touch and less
  const auto size =
      static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(std::fabs(touches)) >> 51);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(size - kSmallest, 0, kSizes - 1));
}

// A count over n steps at a rate of q has a variance of q / n a step; a block that was never
// touched may have been about to.
double OnlineHeat::doubt(BlockId block, double rate, const Evidence& evidence) const {
  const double steps = std::clamp(static_cast<double>(age(block)), 1.0, kMostCounted);
  const double share = 1 / steps;
  return evidence.doubt * std::sqrt(std::max(rate, share) * share);
}

HeatOutlook OnlineHeat::outlook(BlockId block) const {
  const Evidence& evidence = evidence_[object_of_[block]];
  const Features now = features(block);
  const double touches = predict(evidence, now);
  const double longer = evidence.horizon / static_cast<double>(kHorizon);
  const double lasting = evidence.weights[kAverages - 1] * now[kAverages - 1];
  HeatOutlook outlook;
  outlook.touches = touches + lasting * (longer - 1);
  outlook.doubt = doubt(block, now[kAverages - 1], evidence);
  outlook.wasted = evidence.outcomes[size_of(touches)].mean_wasted;
  outlook.horizon = evidence.horizon;
  return outlook;
}

void OnlineHeat::snapshot() {
  snapshot_step_ = now_;
  touches_at_snapshot_ = touches_;
  refresh();
  for (BlockId block = 0; block < layout_.blocks(); ++block) snapshot_[block] = features(block);
}

void OnlineHeat::halve(Evidence& evidence) {
  for (Features& row : evidence.squares) {
    for (double& value : row) value /= 2;
  }
  for (double& value : evidence.products) value /= 2;
  for (Outcome& outcome : evidence.outcomes) {
    outcome.cases /= 2;
    outcome.wasted /= 2;
  }
}

void OnlineHeat::learn_from(BlockId block) {
  Evidence& evidence = evidence_[object_of_[block]];
  const Features& x = snapshot_[block];
  const double weight = 1 / (kLeastRate + x[kAverages - 1]);
  const double touched = touches_[block] - touches_at_snapshot_[block];
  for (std::size_t i = 0; i < kAverages; ++i) {
    evidence.products[i] += weight * x[i] * touched;
    for (std::size_t k = 0; k < kAverages; ++k) evidence.squares[i][k] += weight * x[i] * x[k];
  }
  // By the weights of before: what they would have made of it.
  Outcome& outcome = evidence.outcomes[size_of(predict(evidence, x))];
  ++outcome.cases;
  outcome.wasted += std::max(0.0, price_ - touched);
}

void OnlineHeat::learn() {
  for (Evidence& evidence : evidence_) halve(evidence);
  for (BlockId block = 0; block < layout_.blocks(); ++block) learn_from(block);
  for (Evidence& evidence : evidence_) weigh(evidence);
}

void OnlineHeat::weigh(Evidence& evidence) const {
  auto squares = evidence.squares;
  Features products = evidence.products;
  for (std::size_t i = 0; i < kAverages; ++i) squares[i][i] += kFirstGuess;
  products[kAverages - 1] += kFirstGuess * static_cast<double>(kHorizon);
  evidence.weights = solve_without_negatives(squares, products);
  const double lasting = evidence.weights[kAverages - 1] / static_cast<double>(kHorizon);
  const double trust = std::clamp((lasting - kMixed) / (1 - kMixed), 0.0, 1.0);
  const double watched = std::clamp(kHoldsFor * static_cast<double>(now_),
                                    static_cast<double>(kHorizon), kLongestHorizon);
  evidence.horizon =
      static_cast<double>(kHorizon) + trust * (watched - static_cast<double>(kHorizon));
  evidence.doubt = lasting * evidence.horizon;
  const double longer = evidence.horizon / static_cast<double>(kHorizon);
  for (Outcome& outcome : evidence.outcomes) {
    outcome.mean_wasted = outcome.cases > 0 ? outcome.wasted / outcome.cases / longer : 0;
  }
}

void OnlineHeat::step_ended() {
  ++now_;
  if (now_ - snapshot_step_ < kHorizon) {
    if (now_ == kHorizon / 4) snapshot();  // the first averages mean something from here on
    return;
  }
  learn();
  snapshot();
}

}  // namespace terrace::policy
