// SPDX-License-Identifier: Apache-2.0
// From the programme's divisible amounts to a tier for each 2 MiB block. After programme.h, before
// the plan is priced. Pure functions: thread-safe; allocate their results.
#pragma once

#include "tiering/model/step_model.h"
#include "tiering/plan/constraints.h"
#include "tiering/plan/programme.h"
#include "tiering/plan/tier_room.h"

namespace terrace::plan {

/// Untouched blocks of observed objects that have no place yet to the slowest tier that has room:
/// they cost nothing there, and what is fast stays free for what the recording did not show.
void place_untouched(const model::Workload& workload, const Constraints& constraints,
                     TierRoom& room, model::Assignment& where);

/// Streamed ranges striped evenly in the programme's shares. Then the rest: without a present
/// placement by heat, the hottest block to the fastest tier with room; with one in the programme's
/// shares, which know what a move costs, the hottest blocks of a range to the fastest of its tiers.
/// `room` must hold all ranges.
void place_ranges(const model::Workload& workload, const Constraints& constraints,
                  const Programme& programme, const Solution& solution, TierRoom& room,
                  model::Assignment& where);

/// Objects of unknown heat: what has a place stays there while there is room. First of all.
void keep_unobserved(const model::Workload& workload, const Constraints& constraints,
                     TierRoom& room, model::Assignment& where);
/// The others to the fastest tiers that are left. Last of all.
void place_unobserved(const model::Workload& workload, const Constraints& constraints,
                      TierRoom& room, model::Assignment& where);

/// Every block where it lies at present, as far as room and rules allow; what has no place as
/// place_untouched(), by heat, and place_unobserved() would.
model::Assignment keep_present(const model::Workload& workload, const Constraints& constraints,
                               TierRoom room);

}  // namespace terrace::plan
