// SPDX-License-Identifier: Apache-2.0
// The engine's own rate, fitted to a recording: the one figure of the step-time model that no tier
// can tell. Used by the planner. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "profiler/heat/heat_map.h"
#include "tiering/model/workload.h"

namespace terrace::plan {

/// Seconds that the engine takes for a byte on fast memory; what is doubtful about it is added to
/// `notes`. Errors: kUsage when the recorded tiers lack bandwidths or the block tiers are damaged.
Result<double> engine_rate(const heat::HeatMap& heat, const Topology& topology,
                           const model::Workload& workload, std::vector<std::string>& notes);

}  // namespace terrace::plan
