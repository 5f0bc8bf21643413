// SPDX-License-Identifier: Apache-2.0
// The linear programme of docs/adr/0004: blocks of ranges over tiers, solved with Clp. Between the
// workload (tiering/model) and rounding to whole blocks (rounding.h).
// Thread-safe (no shared state); allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/step_model.h"
#include "tiering/model/workload.h"
#include "tiering/plan/constraints.h"

namespace terrace::plan {

/// Blocks of like heat that the programme treats as one divisible amount.
struct Range {
  std::uint32_t phase = 0;      ///< index in Programme::phase_floor_seconds, or kNoPhase
  double bytes_per_block = 0;   ///< moved in a step by each of its blocks
  TierMask allowed = kAnyTier;  ///< of each of its blocks, and so is the next
  std::uint8_t present = kNowhere;
  std::vector<BlockRef> blocks;
};

/// Ranges up to which no phases are grouped that differ: Clp takes about 20 ms for so many over
/// four tiers, and more than in proportion for more.
inline constexpr std::size_t kMostRanges = 1000;

/// Of a range whose transfers overlap nothing: each block costs max(engine, tier) on its own.
inline constexpr std::uint32_t kNoPhase = UINT32_MAX;

/// What is weighed besides the step time.
enum class Tiebreak : std::uint8_t {
  kNone = 0,           ///< the optimum itself, for the bound
  kLittleAndEven = 1,  ///< among optima: least time on slow tiers, spread evenly over phases
};

struct Programme {
  std::vector<Range> ranges;
  std::vector<double> phase_floor_seconds;  ///< engine's time for each phase's overlapped bytes
  model::Rates rates;
  std::vector<std::uint64_t> capacity_blocks;  ///< of each tier; must hold all ranges together
  double slow_link_utilisation = 1;  ///< share of a slow tier's bandwidth that the plan counts on
  Tiebreak tiebreak = Tiebreak::kNone;
  double steps_in_horizon = 0;  ///< a move costs its time over so many; 0: moves are free
};

struct Solution {
  double step_seconds = 0;     ///< optimum without the tiebreak's terms
  std::vector<double> blocks;  ///< of range r on tier i at [r * tiers + i]
};

/// Every touched block, streamed or routed, grouped by phase and heat, with full overlap: its
/// optimum is a lower bound of the model under the constraints' tiers. Moves are free in it. Exact
/// up to `most_ranges` ranges; above, heats are rounded down by at most 5 % and phases of like
/// composition share one time: their common time is never above the sum of their own, so it is
/// still a bound. In both programmes a phase stands for all phases of the same composition.
/// SIZE_MAX: the plain programme of docs/adr/0004, which tests and benchmark hold the other
/// against.
Programme bound_programme(const model::Workload& workload, const model::Rates& rates,
                          const Constraints& constraints,
                          std::vector<std::uint64_t> capacity_blocks,
                          std::size_t most_ranges = kMostRanges);

/// Streamed blocks by phase and heat; routed blocks, and those of phases too short for a slow
/// transfer to hide in, by heat alone. With a present placement the untouched blocks that have a
/// place take part, since they may be in the way. Above `most_ranges` ranges phases of like
/// composition share one time.
Programme plan_programme(const model::Workload& workload, const model::Rates& rates,
                         const Constraints& constraints, std::vector<std::uint64_t> capacity_blocks,
                         double slow_link_utilisation, std::size_t most_ranges = kMostRanges);

/// Errors: kInfeasible when the ranges exceed the capacities, kCheckFailed when Clp gives up.
Result<Solution> solve(const Programme& programme);

}  // namespace terrace::plan
