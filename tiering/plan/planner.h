// SPDX-License-Identifier: Apache-2.0
// Heat map + tiers -> plan: the linear programme of design (docs/adr) solved with Clp, rounded to
// 2 MiB blocks. Thread-safe; allocates; below a second for 100,000 blocks that are all different.
#pragma once

#include <terrace/result.h>
#include <terrace/topology.h>

#include "profiler/heat/heat_map.h"
#include "tiering/plan/plan.h"

namespace terrace::plan {

struct PlannerOptions {
  Bytes phase_bytes = MiB(32);     ///< consecutive blocks that are streamed together
  double capacity_headroom = 0.0;  ///< share of each tier's capacity left free
  /// Share of a slow tier's bandwidth that the plan counts on while capacity allows: a stripe whose
  /// slow part takes exactly as long as the engine's work waits at every disturbance.
  double slow_link_utilisation = 0.92;
  std::vector<PlacementRule> rules;
  const Plan* present = nullptr;  ///< where the objects lie at present; must outlive the call
  /// Time within which a move from the present placement must pay: it happens only when the steps
  /// of this time get shorter by more than the move takes.
  Nanoseconds horizon{60'000'000'000};
};

/// Objects under 2 MiB are left to the default policy, their room on the fastest tiers is kept
/// free. `made_from` and `moves->from` stay empty, the caller knows the paths. Errors: kUsage for a
/// heat map of another machine or without heat, a present plan of another machine or of other
/// objects, a tier without capacity or bandwidth, a rule that names no tier or object or leaves an
/// object no tier, or options out of range; kInfeasible when the objects do not fit the tiers
/// together, or those of a rule not the tiers that it leaves them (the message says by how much).
Result<Plan> make_plan(const heat::HeatMap& heat, const Topology& topology,
                       const PlannerOptions& options);

}  // namespace terrace::plan
