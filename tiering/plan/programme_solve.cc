// SPDX-License-Identifier: Apache-2.0
// The programme as Clp wants it: columns x[range, tier] in blocks, t[phase], u (busiest slow link's
// share of a phase); rows for ranges, tiers, links of phases. Times are in units of one block at
// the engine's rate, so that all coefficients are near 1.
#include <ClpSimplex.hpp>
#include <ClpSolve.hpp>
#include <CoinPackedMatrix.hpp>
#include <algorithm>

#include "tiering/plan/programme.h"

namespace terrace::plan {
namespace {

// Weight of the tiebreak's terms against the step time: far above Clp's tolerances of 1e-7, and at
// most 2 parts in 10,000 of a step when both terms are as large as the step.
constexpr double kTiebreakWeight = 1e-4;
// A transfer that hides behind work is not free: late wake-ups and shared memory controllers leave
// part of it to be waited for, 3 to 10 % of the link's time in measured decodes over an emulated
// link. So a block that few steps read goes to the slow tier before one that all of them stream.
constexpr double kOverlapLoss = 0.1;

class Matrix {
 public:
  int add_column(double low, double high, double cost) {
    column_low_.push_back(low);
    column_high_.push_back(high);
    cost_.push_back(cost);
    return static_cast<int>(cost_.size()) - 1;
  }
  int add_row(double low, double high) {
    row_low_.push_back(low);
    row_high_.push_back(high);
    return static_cast<int>(row_low_.size()) - 1;
  }
  void add_entry(int row, int column, double value) {
    entry_row_.push_back(row);
    entry_column_.push_back(column);
    entry_.push_back(value);
  }
  void load_into(ClpSimplex& solver) const {
    CoinPackedMatrix matrix(true, entry_row_.data(), entry_column_.data(), entry_.data(),
                            static_cast<CoinBigIndex>(entry_.size()));
    matrix.setDimensions(static_cast<int>(row_low_.size()), static_cast<int>(cost_.size()));
    solver.loadProblem(matrix, column_low_.data(), column_high_.data(), cost_.data(),
                       row_low_.data(), row_high_.data());
  }

 private:
  std::vector<double> column_low_, column_high_, cost_, row_low_, row_high_;
  std::vector<int> entry_row_, entry_column_;
  std::vector<double> entry_;
};

class Formulation {
 public:
  explicit Formulation(const Programme& programme)
      : programme_(programme),
        tiers_(programme.capacity_blocks.size()),
        unit_seconds_(programme.rates.engine_seconds_per_byte *
                      static_cast<double>(kBlockBytes.value)) {
    add_phases();
    add_capacities();
    for (std::size_t r = 0; r < programme_.ranges.size(); ++r) add_range(programme_.ranges[r]);
  }

  void load_into(ClpSimplex& solver) const { matrix_.load_into(solver); }
  std::size_t first_share_column() const { return first_share_; }

 private:
  bool breaks_ties() const { return programme_.tiebreak == Tiebreak::kLittleAndEven; }
  double units(double seconds) const { return seconds / unit_seconds_; }

  // A tier no slower than the engine never makes a phase wait: t >= floor covers it.
  bool can_bind(std::size_t tier) const {
    return programme_.rates.tier_seconds_per_byte[tier] >
           programme_.rates.engine_seconds_per_byte * (1 + 1e-12);
  }

  void add_phases() {
    double floor_sum = 0;
    for (double floor : programme_.phase_floor_seconds) floor_sum += units(floor);
    const int evenness =
        matrix_.add_column(0, COIN_DBL_MAX, breaks_ties() ? kTiebreakWeight * floor_sum : 0);
    for (double floor : programme_.phase_floor_seconds) {
      const int time = matrix_.add_column(units(floor), COIN_DBL_MAX, 1);
      for (std::size_t tier = 0; tier < tiers_; ++tier) {
        add_link_rows(tier, time, evenness, units(floor));
      }
    }
    first_share_ = programme_.phase_floor_seconds.size() + 1;
  }

  // Link time of the phase on this tier: at most t, and at most u times the floor.
  void add_link_rows(std::size_t tier, int time, int evenness, double floor) {
    link_rows_.push_back(-1);
    even_rows_.push_back(-1);
    if (!can_bind(tier)) return;
    link_rows_.back() = matrix_.add_row(-COIN_DBL_MAX, 0);
    const bool slow = tier > 0;
    matrix_.add_entry(link_rows_.back(), time, slow ? -programme_.slow_link_utilisation : -1.0);
    if (!breaks_ties() || !slow) return;
    even_rows_.back() = matrix_.add_row(-COIN_DBL_MAX, 0);
    matrix_.add_entry(even_rows_.back(), evenness, -floor);
  }

  void add_capacities() {
    for (std::uint64_t blocks : programme_.capacity_blocks) {
      capacity_rows_.push_back(matrix_.add_row(-COIN_DBL_MAX, static_cast<double>(blocks)));
    }
  }

  void add_range(const Range& range) {
    const auto blocks = static_cast<double>(range.blocks.size());
    const int whole = matrix_.add_row(blocks, blocks);
    for (std::size_t tier = 0; tier < tiers_; ++tier) {
      const double most = allows(range.allowed, tier) ? blocks : 0;
      const int share = matrix_.add_column(0, most, cost_of(range, tier));
      matrix_.add_entry(whole, share, 1);
      matrix_.add_entry(capacity_rows_[tier], share, 1);
      if (range.phase == kNoPhase) continue;
      const std::size_t row = range.phase * tiers_ + tier;
      const double transfer = transfer_units(range, tier);
      if (link_rows_[row] >= 0) matrix_.add_entry(link_rows_[row], share, transfer);
      if (even_rows_[row] >= 0) matrix_.add_entry(even_rows_[row], share, transfer);
    }
  }

  double transfer_units(const Range& range, std::size_t tier) const {
    return units(range.bytes_per_block * programme_.rates.tier_seconds_per_byte[tier]);
  }

  double cost_of(const Range& range, std::size_t tier) const {
    const double transfer = transfer_units(range, tier);
    const double alone =
        std::max(transfer, units(range.bytes_per_block * programme_.rates.engine_seconds_per_byte));
    return (range.phase == kNoPhase ? alone : 0) + (breaks_ties() ? kOverlapLoss * transfer : 0) +
           move_cost(range, tier);
  }

  // What the move costs of each step in the horizon. Never less than the tiebreak's terms could
  // gain, so that no block moves for evenness' sake.
  double move_cost(const Range& range, std::size_t tier) const {
    if (programme_.steps_in_horizon <= 0) return 0;
    const double seconds =
        move_seconds(programme_.rates, range.present, static_cast<std::uint8_t>(tier));
    return units(seconds) / programme_.steps_in_horizon;
  }

  const Programme& programme_;
  std::size_t tiers_;
  double unit_seconds_;
  Matrix matrix_;
  std::size_t first_share_ = 0;
  std::vector<int> capacity_rows_;
  std::vector<int> link_rows_;  // of phase p and tier i at [p * tiers + i]; -1: none needed
  std::vector<int> even_rows_;
};

// The step time of the solver's shares, without the tiebreak's terms and the utilisation.
double step_seconds_of(const Programme& programme, const std::vector<double>& blocks) {
  const auto& seconds_per_byte = programme.rates.tier_seconds_per_byte;
  const std::size_t tiers = seconds_per_byte.size();
  std::vector<double> link(programme.phase_floor_seconds.size() * tiers, 0.0);
  double total = 0;
  for (std::size_t r = 0; r < programme.ranges.size(); ++r) {
    const Range& range = programme.ranges[r];
    for (std::size_t tier = 0; tier < tiers; ++tier) {
      const double bytes = blocks[r * tiers + tier] * range.bytes_per_block;
      const double transfer = bytes * seconds_per_byte[tier];
      if (range.phase != kNoPhase) {
        link[range.phase * tiers + tier] += transfer;
      } else {
        total += std::max(transfer, bytes * programme.rates.engine_seconds_per_byte);
      }
    }
  }
  for (std::size_t p = 0; p < programme.phase_floor_seconds.size(); ++p) {
    double longest = programme.phase_floor_seconds[p];
    for (std::size_t i = 0; i < tiers; ++i) longest = std::max(longest, link[p * tiers + i]);
    total += longest;
  }
  return total;
}

Status check_room(const Programme& programme) {
  std::uint64_t wanted = 0;
  std::uint64_t room = 0;
  for (const Range& range : programme.ranges) wanted += range.blocks.size();
  for (std::uint64_t blocks : programme.capacity_blocks) room += blocks;
  if (wanted <= room) return ok_status();
  return make_error(ErrorCode::kInfeasible, 0,
                    "plan: %llu blocks of 2 MiB for tiers that hold %llu together; add capacity "
                    "for %llu MiB",
                    static_cast<unsigned long long>(wanted), static_cast<unsigned long long>(room),
                    2 * static_cast<unsigned long long>(wanted - room));
}

}  // namespace

Result<Solution> solve(const Programme& programme) {
  if (Status room = check_room(programme); !room) return room.error();
  const Formulation formulation(programme);
  ClpSimplex solver;
  solver.setLogLevel(0);
  formulation.load_into(solver);
  solver.initialSolve();
  if (!solver.isProvenOptimal()) {
    return make_error(ErrorCode::kCheckFailed, 0,
                      "plan: the linear programme of %zu ranges ended with Clp status %d; report "
                      "this with the session file",
                      programme.ranges.size(), solver.status());
  }
  Solution solution;
  const std::size_t shares = programme.ranges.size() * programme.capacity_blocks.size();
  const double* columns = solver.primalColumnSolution() + formulation.first_share_column();
  solution.blocks.resize(shares);
  for (std::size_t i = 0; i < shares; ++i) solution.blocks[i] = std::max(0.0, columns[i]);
  solution.step_seconds = step_seconds_of(programme, solution.blocks);
  return solution;
}

}  // namespace terrace::plan
