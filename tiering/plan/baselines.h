// SPDX-License-Identifier: Apache-2.0
// What the runtime's default policies would do with a workload, block by block, so that the plan is
// compared with them by the same model. Same order and spill rule as the runtime.
// Pure function: thread-safe; allocates its result.
#pragma once

#include <vector>

#include "tiering/model/step_model.h"
#include "tiering/plan/constraints.h"
#include "tiering/plan/tier_room.h"

namespace terrace::plan {

/// Every block on the fastest tier, whatever its capacity.
model::Assignment all_on_fastest(const model::Workload& workload);

/// Objects one after another, the tiers filled in their order. Rules are kept, by this and the
/// next, when `constraints` hold any.
model::Assignment first_touch(const model::Workload& workload, const Constraints& constraints,
                              TierRoom room);

/// Each object striped in the given ratio (one entry for each tier); a block whose tier is full
/// spills to the next with room. `room` must hold the whole workload.
model::Assignment striped(const model::Workload& workload, const Constraints& constraints,
                          const std::vector<double>& weights, TierRoom room);

}  // namespace terrace::plan
