// SPDX-License-Identifier: Apache-2.0
// Whole blocks cost a rounded placement more than the programme promised, most where a link is the
// limit: one block too many on it and its phase waits. Exchanges blocks between phases, and moves
// them to free room, as long as the model gains. After rounding.h, before the plan is priced.
// Thread-safe; allocates; O(blocks x tiers^2), and log(phases) for each exchange.
#pragma once

#include "tiering/model/step_model.h"
#include "tiering/plan/constraints.h"
#include "tiering/plan/tier_room.h"

namespace terrace::plan {

/// `where` must keep `constraints` and fit `usable`; so does the result. Slow tiers are counted at
/// the share `slow_link_utilisation` of their bandwidth, as in the programme. With a present
/// placement moves are charged as there. Blocks of objects that were not observed stay.
void refine(const model::Workload& workload, const model::Rates& rates,
            const Constraints& constraints, double slow_link_utilisation,
            const std::vector<std::uint64_t>& usable, model::Assignment& where);

}  // namespace terrace::plan
