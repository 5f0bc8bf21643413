// SPDX-License-Identifier: Apache-2.0
// Columns: x[class, tier], the class's share on the tier; t[group], in units of the time that all
// reads take on the fastest tier. Both are then near 1, whatever the model's size.
#include "tiering/wall/placement.h"

#include <ClpSimplex.hpp>
#include <CoinPackedMatrix.hpp>
#include <algorithm>

namespace terrace::wall {
namespace {

// Among equal optima the one with fewer bytes on slower tiers: far above Clp's tolerance of 1e-7,
// far below what anybody could measure.
constexpr double kTiebreak = 1e-5;

class Rows {
 public:
  int add(double low, double high) {
    low_.push_back(low);
    high_.push_back(high);
    return static_cast<int>(low_.size()) - 1;
  }
  void entry(int row, std::size_t column, double value) {
    row_.push_back(row);
    column_.push_back(static_cast<int>(column));
    value_.push_back(value);
  }
  void load_into(ClpSimplex& solver, const std::vector<double>& cost,
                 const std::vector<double>& highest) const {
    CoinPackedMatrix matrix(true, row_.data(), column_.data(), value_.data(),
                            static_cast<CoinBigIndex>(value_.size()));
    matrix.setDimensions(static_cast<int>(low_.size()), static_cast<int>(cost.size()));
    const std::vector<double> lowest(cost.size(), 0.0);
    solver.loadProblem(matrix, lowest.data(), highest.data(), cost.data(), low_.data(),
                       high_.data());
  }

 private:
  std::vector<double> low_, high_, value_;
  std::vector<int> row_, column_;
};

class Formulation {
 public:
  Formulation(const std::vector<ByteClass>& classes, const std::vector<TierRoom>& tiers)
      : classes_(classes), tiers_(tiers) {
    for (const TierRoom& tier : tiers_) {
      groups_ = std::max(groups_, tier.group + 1);
      all_bytes_ += tier.capacity;
    }
    for (const ByteClass& one : classes_) unit_ += one.read / tiers_[0].bytes_per_second;
    if (unit_ <= 0) unit_ = 1;
    for (std::size_t c = 0; c < classes_.size(); ++c) whole(c);
    for (std::size_t t = 0; t < tiers_.size(); ++t) limits(t);
  }

  void load_into(ClpSimplex& solver) const {
    std::vector<double> cost(first_time() + groups_, 1.0);
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      for (std::size_t t = 0; t < tiers_.size(); ++t)
        cost[column(c, t)] = kTiebreak * static_cast<double>(t) * transfer(c, t);
    }
    std::vector<double> highest(cost.size(), COIN_DBL_MAX);
    std::fill_n(highest.begin(), first_time(), 1.0);
    rows_.load_into(solver, cost, highest);
  }

  std::size_t column(std::size_t c, std::size_t t) const { return c * tiers_.size() + t; }
  std::size_t first_time() const { return classes_.size() * tiers_.size(); }

 private:
  double transfer(std::size_t c, std::size_t t) const {
    return classes_[c].read / tiers_[t].bytes_per_second / unit_;
  }
  void whole(std::size_t c) {
    const int row = rows_.add(1, 1);
    for (std::size_t t = 0; t < tiers_.size(); ++t) rows_.entry(row, column(c, t), 1);
  }
  void limits(std::size_t t) {
    const int room = rows_.add(-COIN_DBL_MAX, tiers_[t].capacity / all_bytes_);
    const int time = rows_.add(-COIN_DBL_MAX, 0);
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      rows_.entry(room, column(c, t), classes_[c].resident / all_bytes_);
      rows_.entry(time, column(c, t), transfer(c, t));
    }
    rows_.entry(time, first_time() + tiers_[t].group, -1);
  }

  const std::vector<ByteClass>& classes_;
  const std::vector<TierRoom>& tiers_;
  std::size_t groups_ = 0;
  double all_bytes_ = 0;
  double unit_ = 0;
  Rows rows_;
};

Status check_room(const std::vector<ByteClass>& classes, const std::vector<TierRoom>& tiers) {
  double wanted = 0;
  double room = 0;
  for (const ByteClass& one : classes) wanted += one.resident;
  for (const TierRoom& tier : tiers) room += tier.capacity;
  if (wanted <= room && room > 0) return ok_status();
  return make_error(ErrorCode::kInfeasible, 0, "%.1f GB do not fit into %.1f GB of memory",
                    wanted / 1e9, room / 1e9);
}

Placement placement_from(const std::vector<ByteClass>& classes, const std::vector<TierRoom>& tiers,
                         const double* shares) {
  Placement placement;
  placement.tier_seconds.resize(tiers.size());
  std::size_t groups = 0;
  for (const TierRoom& tier : tiers) groups = std::max(groups, tier.group + 1);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    placement.resident.emplace_back();
    for (std::size_t t = 0; t < tiers.size(); ++t) {
      const double share = std::clamp(shares[c * tiers.size() + t], 0.0, 1.0);
      placement.resident[c].push_back(share * classes[c].resident);
      placement.tier_seconds[t] += share * classes[c].read / tiers[t].bytes_per_second;
    }
  }
  std::vector<double> slowest(groups);
  for (std::size_t t = 0; t < tiers.size(); ++t)
    slowest[tiers[t].group] = std::max(slowest[tiers[t].group], placement.tier_seconds[t]);
  for (const double seconds : slowest) placement.seconds += seconds;
  return placement;
}

}  // namespace

Result<Placement> place_bytes(const std::vector<ByteClass>& classes,
                              const std::vector<TierRoom>& tiers) {
  const Status room = check_room(classes, tiers);
  if (!room.ok()) return room.error();
  if (tiers.size() == 1) {
    const std::vector<double> all(classes.size(), 1.0);
    return placement_from(classes, tiers, all.data());
  }
  const Formulation formulation(classes, tiers);
  ClpSimplex solver;
  solver.setLogLevel(0);
  formulation.load_into(solver);
  solver.initialSolve();
  if (!solver.isProvenOptimal()) {
    return make_error(ErrorCode::kCheckFailed, 0,
                      "the linear programme of %zu classes on %zu tiers ended with Clp status %d",
                      classes.size(), tiers.size(), solver.status());
  }
  return placement_from(classes, tiers, solver.primalColumnSolution());
}

}  // namespace terrace::wall
