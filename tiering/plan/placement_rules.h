// SPDX-License-Identifier: Apache-2.0
// Rules -> the tiers that each object may lie on. Between rule_text.h and the planner.
// Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

#include "profiler/heat/heat_map.h"
#include "tiering/model/workload.h"
#include "tiering/plan/constraints.h"
#include "tiering/plan/rule_text.h"
#include "tiering/plan/tier_room.h"

namespace terrace::plan {

/// One mask for each of the workload's objects; empty without rules. An origin that no object is of
/// adds a note. Errors: kUsage for an unknown tier, a pattern or site that matches no object, or
/// rules that leave an object no tier; the message names rule and object.
Result<std::vector<TierMask>> allowed_tiers(const std::vector<PlacementRule>& rules,
                                            const heat::HeatMap& heat,
                                            const model::Workload& workload,
                                            const std::vector<Tier>& tiers,
                                            std::vector<std::string>& notes);

/// Blocks of the objects that may not lie everywhere, by their tiers.
std::vector<Demand> restricted_demand(const model::Workload& workload,
                                      const Constraints& constraints, std::size_t tier_count);

/// Error kInfeasible: objects bound to certain tiers exceed their room; says which and by how much.
Status check_restricted(const TierRoom& room, const std::vector<Tier>& tiers);

}  // namespace terrace::plan
