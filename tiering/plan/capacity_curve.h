// SPDX-License-Identifier: Apache-2.0
// What more or less of the fastest tier would do to the step: the planner asked over a range of
// capacities. Used by `terrace report --html`. Thread-safe; allocates; one run of the planner for
// each point.
#pragma once

#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "profiler/heat/heat_map.h"
#include "tiering/plan/planner.h"

namespace terrace::plan {

struct CapacityStep {
  Bytes fast;              ///< capacity of the fastest tier
  double first_touch = 0;  ///< predicted step, seconds
  double planned = 0;      ///< the same by plan
};

/// From one sixteenth of what the objects take, or today's capacity if that is less, to what holds
/// them all; today's capacity is among the points when it lies between. Capacities at which the
/// objects do not fit all tiers together are left out. Errors: those of make_plan other than
/// kInfeasible; kUsage when there is one tier only; kInfeasible when no capacity fits.
Result<std::vector<CapacityStep>> capacity_curve(const heat::HeatMap& heat, Topology topology,
                                                 const PlannerOptions& options, std::size_t points);

}  // namespace terrace::plan
