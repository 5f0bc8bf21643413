// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/reuse_model.h"

#include <algorithm>
#include <cmath>

namespace terrace::policy {
namespace {

// A request's blocks are wanted again together, so their counts say less than as many independent
// ones. In reuses; several requests of some tens of blocks.
constexpr double kBaseDoubt = 100;
constexpr double kTraitDoubt = 100;
constexpr double kClassDoubt = 200;
constexpr double kCellDoubt = 300;
// Before anything is seen: reuse equally likely in each doubling of the age, so the oldest go
// first.
constexpr double kFirstRate = 0.02;
// What was learnt fades, so that a change of the load is followed.
constexpr float kKeep = 0.98F;
constexpr int kRounds = 4;
// What marks a block that comes back soon need not mark one that comes back late: traits have
// factors of their own for ages below 32, below 256 and above, in requests.
constexpr std::uint32_t kMiddleBin = 10;
constexpr std::uint32_t kOldBin = 16;

constexpr std::array<std::uint64_t, kAgeBins + 1> make_ages() {
  std::array<std::uint64_t, kAgeBins + 1> ages{0, 1, 2, 3};
  for (std::size_t i = 4; i <= kAgeBins; ++i) ages[i] = 2 * ages[i - 2];
  return ages;
}
constexpr auto kAges = make_ages();

std::uint32_t span_of(std::uint32_t bin) {
  return bin < kMiddleBin ? 0 : bin < kOldBin ? 1 : 2;
}

double width_of(std::uint32_t bin) {
  return static_cast<double>(kAges[bin + 1] - kAges[bin]);
}

std::array<std::uint8_t, ReuseTraits::kCount> traits_of(std::uint32_t reuse_class) {
  std::array<std::uint8_t, ReuseTraits::kCount> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint8_t>(reuse_class % ReuseTraits::kValues[i]);
    reuse_class /= ReuseTraits::kValues[i];
  }
  return values;
}

}  // namespace

std::uint32_t class_of(const ReuseTraits& traits) {
  std::uint32_t reuse_class = 0;
  for (std::size_t i = ReuseTraits::kCount; i > 0; --i) {
    reuse_class = reuse_class * ReuseTraits::kValues[i - 1] + traits.values[i - 1];
  }
  return reuse_class;
}

std::uint64_t age_begin(std::uint32_t bin) {
  return kAges[bin];
}

std::uint32_t age_bin(std::uint64_t age) {
  const auto* const after = std::upper_bound(kAges.begin(), kAges.end() - 1, age);
  return static_cast<std::uint32_t>(after - kAges.begin() - 1);
}

ReuseModel::ReuseModel()
    : hits_(kReuseCells),
      exposed_(kReuseCells),
      present_(kReuseCells),
      since_(kReuseCells),
      worth_(kReuseCells) {
  for (auto& counts : counts_) counts.resize(kReuseClasses);
  refit(0);
}

void ReuseModel::fit_base() {
  for (std::uint32_t bin = 0; bin < kAgeBins; ++bin) {
    double hits = 0;
    double exposed = 0;
    for (std::uint32_t cell = bin; cell < kReuseCells; cell += kAgeBins) {
      hits += static_cast<double>(hits_[cell]);
      exposed += static_cast<double>(exposed_[cell]);
    }
    const double first = kFirstRate / (1 + static_cast<double>(kAges[bin]));
    base_[bin] = (hits + kBaseDoubt) / (exposed + kBaseDoubt / first);
  }
}

void ReuseModel::fit_factors() {
  for (std::uint32_t span = 0; span < kAgeSpans; ++span) {
    count_classes(span);
    for (auto& factors : factors_[span]) factors.fill(1);
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t trait = 0; trait < ReuseTraits::kCount; ++trait) fit_trait(span, trait);
    }
  }
}

void ReuseModel::count_classes(std::uint32_t span) {
  for (std::uint32_t c = 0; c < kReuseClasses; ++c) {
    ClassCount& count = counts_[span][c];
    count = {};
    for (std::uint32_t bin = 0; bin < kAgeBins; ++bin) {
      if (span_of(bin) != span) continue;
      count.hits += static_cast<double>(hits_[c * kAgeBins + bin]);
      count.expected += static_cast<double>(exposed_[c * kAgeBins + bin]) * base_[bin];
    }
  }
}

void ReuseModel::fit_trait(std::uint32_t span, std::size_t trait) {
  std::array<double, 4> hits{};
  std::array<double, 4> expected{};
  auto& factors = factors_[span][trait];
  for (std::uint32_t c = 0; c < kReuseClasses; ++c) {
    const ClassCount& count = counts_[span][c];
    if (count.expected <= 0) continue;
    const std::uint8_t value = traits_of(c)[trait];
    hits[value] += count.hits;
    expected[value] += count.expected * trait_product(span, c) / factors[value];
  }
  for (std::size_t v = 0; v < factors.size(); ++v) {
    factors[v] = (hits[v] + kTraitDoubt) / (expected[v] + kTraitDoubt);
  }
}

double ReuseModel::trait_product(std::uint32_t span, std::uint32_t reuse_class) const {
  const auto values = traits_of(reuse_class);
  double product = 1;
  for (std::size_t i = 0; i < values.size(); ++i) product *= factors_[span][i][values[i]];
  return product;
}

double ReuseModel::class_factor(std::uint32_t span, std::uint32_t reuse_class) const {
  const double product = trait_product(span, reuse_class);
  const ClassCount& count = counts_[span][reuse_class];
  return product * (count.hits + kClassDoubt) / (count.expected * product + kClassDoubt);
}

void ReuseModel::weigh(std::uint32_t reuse_class) {
  std::array<double, kAgeSpans> factor{};
  for (std::uint32_t span = 0; span < kAgeSpans; ++span) {
    factor[span] = class_factor(span, reuse_class);
  }
  std::array<double, kAgeBins> rate{};
  std::array<double, kAgeBins> stays{};
  for (std::uint32_t bin = 0; bin < kAgeBins; ++bin) {
    const std::uint32_t cell = reuse_class * kAgeBins + bin;
    const double expected = base_[bin] * factor[span_of(bin)];
    rate[bin] = expected * (static_cast<double>(hits_[cell]) + kCellDoubt) /
                (static_cast<double>(exposed_[cell]) * expected + kCellDoubt);
    stays[bin] = std::exp(-rate[bin] * width_of(bin));
  }
  for (std::uint32_t first = 0; first < kAgeBins; ++first) {
    double alive = 1;
    double reuses = 0;
    double held = 0;
    double best = 0;
    for (std::uint32_t bin = first; bin < kAgeBins; ++bin) {
      const double ends = alive * (1 - stays[bin]);
      reuses += ends;
      held += ends / rate[bin];
      alive *= stays[bin];
      best = std::max(best, reuses / held);
    }
    worth_[reuse_class * kAgeBins + first] = static_cast<float>(best);
  }
}

void ReuseModel::refit(std::uint64_t now) {
  for (std::uint32_t cell = 0; cell < kReuseCells; ++cell) {
    settle(cell, now);
    hits_[cell] *= kKeep;
    exposed_[cell] *= kKeep;
  }
  fit_base();
  fit_factors();
  for (std::uint32_t c = 0; c < kReuseClasses; ++c) weigh(c);
}

}  // namespace terrace::policy
