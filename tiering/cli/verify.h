// SPDX-License-Identifier: Apache-2.0
// Holds what a plan predicted against what a session measured. Behind terrace verify.
// Thread-safe; allocates.
#pragma once

#include <cstdint>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "tiering/plan/plan.h"

namespace terrace::cli {

struct Verdict {
  double predicted_seconds = 0;
  double measured_seconds = 0;
  double difference = 0;  ///< measured / predicted - 1
  double margin = 0;
  std::uint64_t objects_in_plan = 0;
  std::uint64_t objects_found = 0;    ///< of them in the session, by site, size and ordinal
  double block_share_as_planned = 0;  ///< of the found objects' blocks, those on the planned tier
  bool holds = false;                 ///< |difference| <= margin
};

/// Errors: kUsage when the two are of different machines or tiers, or share no object;
/// kCapabilityMissing when the session holds no step.
Result<Verdict> verify_plan(const plan::Plan& plan, const heat::HeatMap& heat, double margin);

}  // namespace terrace::cli
