// SPDX-License-Identifier: Apache-2.0
// Heat map + tiers -> plan: the linear programme of design (docs/adr) solved with Clp, rounded to
// 2 MiB blocks. Thread-safe; allocates; milliseconds for thousands of ranges.
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
};

/// Objects under 2 MiB are left to the default policy, their room on the fastest tiers is kept
/// free. `made_from` stays empty, the caller knows the session's path. Errors: kUsage for a heat
/// map of another machine or without heat, a tier without capacity or bandwidth, or options out of
/// range; kInfeasible when the objects do not fit the tiers together (the message says by how
/// much).
Result<Plan> make_plan(const heat::HeatMap& heat, const Topology& topology,
                       const PlannerOptions& options);

}  // namespace terrace::plan
