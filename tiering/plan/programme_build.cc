// SPDX-License-Identifier: Apache-2.0
// Workload -> ranges: which blocks the linear programme may treat as one divisible amount.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

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

struct PhaseBlock {
  BlockRef where;
  double bytes;
};

/// Phases of like composition become one: a phase's cost grows in proportion when all its parts do,
/// and the sum of two phases' costs is never below the cost of both as one, so a share that is best
/// for the sum is best for each. A dense model is then one phase, however large it is.
class ProgrammeBuilder {
 public:
  ProgrammeBuilder(Programme& programme, double level_width)
      : programme_(programme), level_width_(level_width) {}

  void add_phase(const std::vector<PhaseBlock>& blocks) {
    if (blocks.empty()) return;
    const std::uint32_t phase = phase_like(blocks);
    for (const PhaseBlock& block : blocks) {
      programme_.phase_floor_seconds[phase] +=
          block.bytes * programme_.rates.engine_seconds_per_byte;
      add_block(phase, block);
    }
  }

  void add_alone(const PhaseBlock& block) { add_block(kNoPhase, block); }

  void use_least_heat() {
    for (std::size_t i = 0; i < heats_.size(); ++i) {
      programme_.ranges[i].bytes_per_block = *std::min_element(heats_[i].begin(), heats_[i].end());
    }
  }

  void use_mean_heat() {
    for (std::size_t i = 0; i < heats_.size(); ++i) {
      const double sum = std::accumulate(heats_[i].begin(), heats_[i].end(), 0.0);
      programme_.ranges[i].bytes_per_block = sum / static_cast<double>(heats_[i].size());
    }
  }

 private:
  using Composition = std::map<std::int64_t, std::uint64_t>;  // blocks of each level, reduced

  std::uint32_t phase_like(const std::vector<PhaseBlock>& blocks) {
    Composition composition;
    for (const PhaseBlock& block : blocks) ++composition[level_of(block.bytes, level_width_)];
    std::uint64_t divisor = 0;
    for (const auto& [level, count] : composition) divisor = std::gcd(divisor, count);
    for (auto& [level, count] : composition) count /= divisor;
    const auto next = static_cast<std::uint32_t>(programme_.phase_floor_seconds.size());
    const auto [entry, is_new] = phases_.try_emplace(std::move(composition), next);
    if (is_new) programme_.phase_floor_seconds.push_back(0);
    return entry->second;
  }

  void add_block(std::uint32_t phase, const PhaseBlock& block) {
    const auto [entry, is_new] =
        ranges_.try_emplace({phase, level_of(block.bytes, level_width_)}, programme_.ranges.size());
    if (is_new) {
      programme_.ranges.push_back({phase, block.bytes, {}});
      heats_.emplace_back();
    }
    programme_.ranges[entry->second].blocks.push_back(block.where);
    heats_[entry->second].push_back(block.bytes);
  }

  Programme& programme_;
  double level_width_;
  std::map<Composition, std::uint32_t> phases_;
  std::map<std::pair<std::uint32_t, std::int64_t>, std::size_t> ranges_;
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
  ProgrammeBuilder builder(programme, level_width);
  for (const Phase& phase : workload.phases) {
    std::vector<PhaseBlock> blocks;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const BlockLoad& block = load_at(workload, phase, i);
      if (block.access == Access::kUntouched) continue;
      blocks.push_back({{phase.object, phase.first_block + i}, block.bytes_per_step});
    }
    builder.add_phase(blocks);
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
  ProgrammeBuilder builder(programme, kPlanLevelWidth);
  for (const Phase& phase : workload.phases) {
    const bool overlaps = can_hide_a_block(workload, phase, rates, slow_link_utilisation);
    std::vector<PhaseBlock> streamed;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const BlockLoad& load = load_at(workload, phase, i);
      if (load.access == Access::kUntouched) continue;
      const PhaseBlock block{{phase.object, phase.first_block + i}, load.bytes_per_step};
      if (overlaps && load.access == Access::kStreamed) {
        streamed.push_back(block);
      } else {
        builder.add_alone(block);
      }
    }
    builder.add_phase(streamed);
  }
  builder.use_mean_heat();
  return programme;
}

}  // namespace terrace::plan
