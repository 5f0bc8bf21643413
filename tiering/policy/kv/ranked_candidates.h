// SPDX-License-Identifier: Apache-2.0
// What may be evicted, in the order of what it is worth: expected reuses for each request that the
// slot is held (reuse_model.h), times what one reuse saves (recompute_cost.h). Cells of class and
// age are ranked by the former whenever the model is fitted again, and costs fall into bands, each
// with a set of occupied ranks of its own: the least of all is the least of the bands' lowest. With
// a flat cost there is one band. Used by the policy `terrace`.
// Not thread-safe; allocates at construction only. O(1); the least: O(bands).
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/policy/kv/block_lists.h"
#include "tiering/policy/kv/rank_set.h"
#include "tiering/policy/kv/recompute_cost.h"
#include "tiering/policy/kv/reuse_model.h"

namespace terrace::policy {

class RankedCandidates {
 public:
  static constexpr std::uint32_t kNone = BlockLists::kNone;
  struct Least {
    std::uint32_t member = kNone;
    double worth = 0;
  };

  RankedCandidates(std::uint32_t members, RecomputeCost cost);

  /// `cost` of computing it again, in first blocks.
  std::uint32_t band_of(double cost) const;
  void insert(std::uint32_t member, std::uint32_t cell, std::uint32_t band) {
    lists_.append(list_of(cell, band), member);
    occupied_[band].insert(rank_of_[cell]);
  }
  void erase(std::uint32_t member, std::uint32_t cell, std::uint32_t band) {
    lists_.remove(member);
    if (lists_.empty(list_of(cell, band))) occupied_[band].erase(rank_of_[cell]);
  }
  /// The model was fitted again.
  void rank(const ReuseModel& model);
  /// `others` are ranked by the same model.
  void rank_as(const RankedCandidates& others);
  /// The one that has been longest in the cell and band that are worth least.
  Least least(const ReuseModel& model) const;
  double worth(const ReuseModel& model, std::uint32_t cell, std::uint32_t band) const {
    return static_cast<double>(model.worth(cell)) * cost_of_[band];
  }

 private:
  void find_occupied();
  static std::uint32_t list_of(std::uint32_t cell, std::uint32_t band) {
    return band * kReuseCells + cell;
  }

  std::vector<double> cost_of_;  ///< by band
  BlockLists lists_;
  std::vector<std::uint32_t> rank_of_;  ///< by cell
  std::vector<std::uint32_t> cell_at_;  ///< by rank
  std::vector<RankSet> occupied_;       ///< by band
};

}  // namespace terrace::policy
