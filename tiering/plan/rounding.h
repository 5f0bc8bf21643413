// SPDX-License-Identifier: Apache-2.0
// From the programme's divisible amounts to a tier for each 2 MiB block. After programme.h, before
// the plan is priced. Pure functions: thread-safe; allocate their results.
#pragma once

#include "tiering/model/step_model.h"
#include "tiering/plan/programme.h"
#include "tiering/plan/tier_room.h"

namespace terrace::plan {

/// Untouched blocks of observed objects to the slowest tier that has room: they cost nothing there,
/// and what is fast stays free for what the recording did not show.
void place_untouched(const model::Workload& workload, TierRoom& room, model::Assignment& where);

/// Streamed ranges striped evenly in the programme's shares, then the rest by heat, the hottest
/// block to the fastest tier with room. `room` must hold all ranges.
void place_ranges(const model::Workload& workload, const Programme& programme,
                  const Solution& solution, TierRoom& room, model::Assignment& where);

/// Objects of unknown heat to the fastest tiers that are left.
void place_unobserved(const model::Workload& workload, TierRoom& room, model::Assignment& where);

}  // namespace terrace::plan
