// SPDX-License-Identifier: Apache-2.0
// Workload -> ranges: which blocks the linear programme may treat as one divisible amount.
#include <algorithm>
#include <cmath>
#include <map>

#include "tiering/plan/programme.h"

namespace terrace::plan {
namespace {

using model::Access;
using model::BlockLoad;
using model::Phase;
using model::Workload;

// The plan's own grouping: blocks that differ by less are alike, given how heat is measured.
constexpr double kPlanLevelWidth = 0.10;

// Level number of a heat; widths below one in a million keep every distinct heat apart.
std::int64_t level_of(double bytes, double width) {
  const double step = std::log1p(std::max(width, 1e-9));
  return static_cast<std::int64_t>(std::floor(std::log(bytes) / step));
}

class RangeBuilder {
 public:
  RangeBuilder(Programme& programme, double level_width)
      : programme_(programme), level_width_(level_width) {}

  void add(std::uint32_t phase, BlockRef block, double bytes) {
    const auto [entry, is_new] =
        index_.try_emplace({phase, level_of(bytes, level_width_)}, programme_.ranges.size());
    if (is_new) programme_.ranges.push_back({phase, bytes, {}});
    Range& range = programme_.ranges[entry->second];
    range.blocks.push_back(block);
    heats_.resize(programme_.ranges.size());
    heats_[entry->second].push_back(bytes);
  }

  void use_least_heat() {
    for (std::size_t i = 0; i < heats_.size(); ++i) {
      programme_.ranges[i].bytes_per_block = *std::min_element(heats_[i].begin(), heats_[i].end());
    }
  }

  void use_mean_heat() {
    for (std::size_t i = 0; i < heats_.size(); ++i) {
      double sum = 0;
      for (double heat : heats_[i]) sum += heat;
      programme_.ranges[i].bytes_per_block = sum / static_cast<double>(heats_[i].size());
    }
  }

 private:
  Programme& programme_;
  double level_width_;
  std::map<std::pair<std::uint32_t, std::int64_t>, std::size_t> index_;
  std::vector<std::vector<double>> heats_;  // of each range's blocks
};

const BlockLoad& load_at(const Workload& workload, const Phase& phase, std::uint32_t i) {
  return workload.objects[phase.object].blocks[phase.first_block + i];
}

double streamed_bytes(const Workload& workload, const Phase& phase) {
  double bytes = 0;
  for (std::uint32_t i = 0; i < phase.block_count; ++i) {
    const BlockLoad& block = load_at(workload, phase, i);
    if (block.access == Access::kStreamed) bytes += block.bytes_per_step;
  }
  return bytes;
}

// Can at least one average block of the phase come from the slowest tier that is worth striping
// over, within the time that the engine spends on the phase? If not, a share of it on that tier
// exists on paper only: blocks are whole.
bool can_hide_a_block(const Workload& workload, const Phase& phase, const model::Rates& rates,
                      double utilisation) {
  const double c = rates.engine_seconds_per_byte;
  const double bytes = streamed_bytes(workload, phase);
  double largest = 0;
  for (std::uint32_t i = 0; i < phase.block_count; ++i) {
    const BlockLoad& block = load_at(workload, phase, i);
    if (block.access == Access::kStreamed) largest = std::max(largest, block.bytes_per_step);
  }
  double nearest_slow = 0;
  for (double seconds : rates.tier_seconds_per_byte) {
    if (seconds > c && (nearest_slow == 0 || seconds < nearest_slow)) nearest_slow = seconds;
  }
  return bytes * c * utilisation >= largest * nearest_slow;
}

}  // namespace

Programme bound_programme(const Workload& workload, const model::Rates& rates,
                          std::vector<std::uint64_t> capacity_blocks, double level_width) {
  Programme programme;
  programme.rates = rates;
  programme.capacity_blocks = std::move(capacity_blocks);
  RangeBuilder builder(programme, level_width);
  for (std::uint32_t p = 0; p < workload.phases.size(); ++p) {
    const Phase& phase = workload.phases[p];
    double bytes = 0;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const BlockLoad& block = load_at(workload, phase, i);
      if (block.access == Access::kUntouched) continue;
      bytes += block.bytes_per_step;
      builder.add(p, {phase.object, phase.first_block + i}, block.bytes_per_step);
    }
    programme.phase_floor_seconds.push_back(bytes * rates.engine_seconds_per_byte);
  }
  builder.use_least_heat();
  return programme;
}

Programme plan_programme(const Workload& workload, const model::Rates& rates,
                         std::vector<std::uint64_t> capacity_blocks, double slow_link_utilisation) {
  Programme programme;
  programme.rates = rates;
  programme.capacity_blocks = std::move(capacity_blocks);
  programme.slow_link_utilisation = slow_link_utilisation;
  programme.tiebreak = Tiebreak::kLittleAndEven;
  RangeBuilder builder(programme, kPlanLevelWidth);
  for (const Phase& phase : workload.phases) {
    const bool overlaps = can_hide_a_block(workload, phase, rates, slow_link_utilisation);
    const auto number = static_cast<std::uint32_t>(programme.phase_floor_seconds.size());
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const BlockLoad& block = load_at(workload, phase, i);
      if (block.access == Access::kUntouched) continue;
      const bool hidden = overlaps && block.access == Access::kStreamed;
      builder.add(hidden ? number : kNoPhase, {phase.object, phase.first_block + i},
                  block.bytes_per_step);
    }
    if (overlaps) {
      programme.phase_floor_seconds.push_back(streamed_bytes(workload, phase) *
                                              rates.engine_seconds_per_byte);
    }
  }
  builder.use_mean_heat();
  return programme;
}

}  // namespace terrace::plan
