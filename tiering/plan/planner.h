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
};

/// Errors: kUsage for a heat map of another machine or without heat, kInfeasible when the objects
/// do not fit the tiers together (the message says by how much).
Result<Plan> make_plan(const heat::HeatMap& heat, const Topology& topology,
                       const PlannerOptions& options);

}  // namespace terrace::plan
