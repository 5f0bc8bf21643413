// SPDX-License-Identifier: Apache-2.0
// Workload -> ranges: which blocks the linear programme may treat as one divisible amount.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "tiering/plan/programme.h"
#include "tiering/plan/programme_builder.h"

namespace terrace::plan {
namespace {

using model::Access;
using model::BlockLoad;
using model::Phase;
using model::Workload;

using detail::PhaseBlock;
using detail::ProgrammeBuilder;

// The plan's own grouping: blocks that differ by less are alike, given how heat is measured.
constexpr double kPlanLevelWidth = 0.10;
// Of the bound: narrower than any difference of heat, and what is rounded down in large ones.
constexpr double kExactLevelWidth = 1e-9;
constexpr double kCoarseLevelWidth = 0.05;

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

PhaseBlock block_at(const Constraints& constraints, const Phase& phase, std::uint32_t i,
                    const BlockLoad& load) {
  const BlockRef where{phase.object, phase.first_block + i};
  return {where, load.bytes_per_step, constraints.allowed_of(where.object),
          constraints.present_at(where)};
}

// The bound's phases: all that is touched, and no present place, since moves are free.
ProgrammeBuilder bound_builder(const Workload& workload, const model::Rates& rates,
                               const Constraints& constraints) {
  ProgrammeBuilder builder(rates.engine_seconds_per_byte);
  for (const Phase& phase : workload.phases) {
    std::vector<PhaseBlock> blocks;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const BlockLoad& load = load_at(workload, phase, i);
      if (load.access == Access::kUntouched) continue;
      blocks.push_back(block_at(constraints, phase, i, load));
      blocks.back().present = kNowhere;
    }
    builder.add_phase(std::move(blocks));
  }
  return builder;
}

bool takes_part(const BlockLoad& load, const PhaseBlock& block) {
  return load.access != Access::kUntouched || block.present != kNowhere;
}

}  // namespace

Programme bound_programme(const Workload& workload, const model::Rates& rates,
                          const Constraints& constraints,
                          std::vector<std::uint64_t> capacity_blocks, std::size_t most_ranges) {
  Programme programme;
  programme.rates = rates;
  programme.capacity_blocks = std::move(capacity_blocks);
  ProgrammeBuilder builder = bound_builder(workload, rates, constraints);
  if (!builder.fits(kExactLevelWidth, most_ranges)) {
    builder.group(kCoarseLevelWidth, most_ranges);
  }
  builder.build(programme, detail::RangeHeat::kLeast);
  return programme;
}

Programme plan_programme(const Workload& workload, const model::Rates& rates,
                         const Constraints& constraints, std::vector<std::uint64_t> capacity_blocks,
                         double slow_link_utilisation, std::size_t most_ranges) {
  Programme programme;
  programme.rates = rates;
  programme.capacity_blocks = std::move(capacity_blocks);
  programme.slow_link_utilisation = slow_link_utilisation;
  programme.tiebreak = Tiebreak::kLittleAndEven;
  programme.steps_in_horizon = constraints.has_present() ? constraints.steps_in_horizon : 0;
  ProgrammeBuilder builder(rates.engine_seconds_per_byte);
  for (const Phase& phase : workload.phases) {
    if (!workload.objects[phase.object].observed) continue;
    const bool overlaps = can_hide_a_block(workload, phase, rates, slow_link_utilisation);
    std::vector<PhaseBlock> streamed;
    for (std::uint32_t i = 0; i < phase.block_count; ++i) {
      const BlockLoad& load = load_at(workload, phase, i);
      const PhaseBlock block = block_at(constraints, phase, i, load);
      if (!takes_part(load, block)) continue;
      if (overlaps && load.access == Access::kStreamed) {
        streamed.push_back(block);
      } else {
        builder.add_alone(block);
      }
    }
    builder.add_phase(std::move(streamed));
  }
  builder.group(kPlanLevelWidth, most_ranges);
  builder.build(programme, detail::RangeHeat::kMean);
  return programme;
}

}  // namespace terrace::plan
