// SPDX-License-Identifier: Apache-2.0
// A recording of a simulated run, as the profiler would have made it: heat of each block over the
// second half of the run, under first touch. What the planner gets for the static plan.
// Between a workload and tiering/plan/planner.h. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "profiler/heat/heat_map.h"
#include "tiering/policy/machine.h"
#include "tiering/simulate/workload.h"

namespace terrace::simulate {

/// Exact counts, whose error is that of counting. Object i has site hash i + 1.
/// Errors: those of Replay::step; kUsage when the workload ends before it was read twice.
Result<heat::HeatMap> record_heat(Workload& workload, std::uint64_t steps, const Topology& topology,
                                  const policy::Machine& machine);

/// The planner's tier of each block of `layout`. Errors are make_plan's.
Result<std::vector<std::uint8_t>> plan_tiers(const heat::HeatMap& heat, const Topology& topology,
                                             const policy::Layout& layout);

}  // namespace terrace::simulate
