// SPDX-License-Identifier: Apache-2.0
// Where the session's objects lie at present, according to an earlier plan. Between plan_json.h and
// the planner. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "tiering/model/step_model.h"
#include "tiering/plan/plan.h"

namespace terrace::plan {

/// Tier of each block in `tiers`, kNowhere for objects that `present` does not hold and for blocks
/// on a tier that is gone; both are noted. Errors: kUsage for a plan of another machine, or one
/// that shares no object with the session.
Result<model::Assignment> present_assignment(const Plan& present, const heat::HeatMap& heat,
                                             const model::Workload& workload,
                                             const std::vector<Tier>& tiers,
                                             std::vector<std::string>& notes);

}  // namespace terrace::plan
