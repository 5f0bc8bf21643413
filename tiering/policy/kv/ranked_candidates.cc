// SPDX-License-Identifier: Apache-2.0
#include "tiering/policy/kv/ranked_candidates.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "allocators/kv/eviction_policy.h"

namespace terrace::policy {
namespace {

// Costs within a band differ by less than rates are known to.
constexpr double kBandRatio = 1.25;
constexpr double kMostBands = 32;

std::vector<double> bands_of(RecomputeCost cost) {
  const double most = cost.of(kv::kMostKvBlocks);
  const double bands = std::ceil(std::log(most) / std::log(kBandRatio)) + 1;
  std::vector<double> costs(static_cast<std::size_t>(std::clamp(bands, 1.0, kMostBands)));
  for (std::size_t i = 0; i < costs.size(); ++i) {
    costs[i] = std::pow(kBandRatio, static_cast<double>(i));
  }
  return costs;
}

}  // namespace

RankedCandidates::RankedCandidates(std::uint32_t members, RecomputeCost cost)
    : cost_of_(bands_of(cost)),
      lists_(members, kReuseCells * static_cast<std::uint32_t>(cost_of_.size())),
      rank_of_(kReuseCells),
      cell_at_(kReuseCells),
      occupied_(cost_of_.size(), RankSet(kReuseCells)) {}

std::uint32_t RankedCandidates::band_of(double cost) const {
  if (cost_of_.size() == 1) return 0;
  const double band = std::round(std::log(std::max(cost, 1.0)) / std::log(kBandRatio));
  return static_cast<std::uint32_t>(std::min(band, static_cast<double>(cost_of_.size() - 1)));
}

void RankedCandidates::rank(const ReuseModel& model) {
  std::iota(cell_at_.begin(), cell_at_.end(), 0u);
  std::stable_sort(cell_at_.begin(), cell_at_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return model.worth(a) < model.worth(b);
  });
  for (std::uint32_t rank = 0; rank < kReuseCells; ++rank) rank_of_[cell_at_[rank]] = rank;
  find_occupied();
}

void RankedCandidates::rank_as(const RankedCandidates& others) {
  cell_at_ = others.cell_at_;
  rank_of_ = others.rank_of_;
  find_occupied();
}

void RankedCandidates::find_occupied() {
  for (std::uint32_t band = 0; band < occupied_.size(); ++band) {
    occupied_[band].clear();
    for (std::uint32_t cell = 0; cell < kReuseCells; ++cell) {
      if (!lists_.empty(list_of(cell, band))) occupied_[band].insert(rank_of_[cell]);
    }
  }
}

RankedCandidates::Least RankedCandidates::least(const ReuseModel& model) const {
  Least least;
  for (std::uint32_t band = 0; band < occupied_.size(); ++band) {
    const std::uint32_t rank = occupied_[band].lowest();
    if (rank == RankSet::kNone) continue;
    const std::uint32_t cell = cell_at_[rank];
    const double worth = this->worth(model, cell, band);
    if (least.member != kNone && worth >= least.worth) continue;
    least = {lists_.first(list_of(cell, band)), worth};
  }
  return least;
}

}  // namespace terrace::policy
