// SPDX-License-Identifier: Apache-2.0
// The linear programme of docs/adr/0004: blocks of ranges over tiers, solved with Clp. Between the
// workload (tiering/model) and rounding to whole blocks (rounding.h).
// Thread-safe (no shared state); allocates.
#pragma once

#include <cstdint>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/step_model.h"
#include "tiering/model/workload.h"

namespace terrace::plan {

struct BlockRef {
  std::uint32_t object = 0;  ///< index in Workload::objects
  std::uint32_t block = 0;
};

/// Blocks of like heat that the programme treats as one divisible amount.
struct Range {
  std::uint32_t phase = 0;     ///< index in Programme::phase_floor_seconds, or kNoPhase
  double bytes_per_block = 0;  ///< moved in a step by each of its blocks
  std::vector<BlockRef> blocks;
};

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
};

struct Solution {
  double step_seconds = 0;     ///< optimum without the tiebreak's terms
  std::vector<double> blocks;  ///< of range r on tier i at [r * tiers + i]
};

/// Every touched block, streamed or routed, grouped by phase and heat, heat rounded down by at most
/// `level_width` (0.05: 5 %), with full overlap: its optimum is a lower bound of the model. In both
/// programmes a phase stands for all phases of the same composition.
Programme bound_programme(const model::Workload& workload, const model::Rates& rates,
                          std::vector<std::uint64_t> capacity_blocks, double level_width);

/// Streamed blocks by phase and heat; routed blocks, and those of phases too short for a slow
/// transfer to hide in, by heat alone.
Programme plan_programme(const model::Workload& workload, const model::Rates& rates,
                         std::vector<std::uint64_t> capacity_blocks, double slow_link_utilisation);

/// Errors: kInfeasible when the ranges exceed the capacities, kCheckFailed when Clp gives up.
Result<Solution> solve(const Programme& programme);

}  // namespace terrace::plan
