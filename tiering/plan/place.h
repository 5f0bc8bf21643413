// SPDX-License-Identifier: Apache-2.0
// The placement itself: the programme's shares in whole blocks, or something plainer where that is
// better. Between programme.h and planner.h. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/step_model.h"
#include "tiering/plan/constraints.h"
#include "tiering/plan/tier_room.h"

namespace terrace::plan {

/// Everything that the steps of make_plan share.
struct Task {
  model::Workload workload;
  model::Rates rates;
  std::vector<std::uint64_t> capacity;  ///< whole tiers
  std::vector<std::uint64_t> usable;    ///< less headroom and the unplanned objects
  Constraints constraints;
  double slow_link_utilisation = 1;

  /// What is usable, with room kept for what may not lie everywhere.
  TierRoom room() const;
};

/// First touch, interleave 1:1, interleave weighted by bandwidth.
std::vector<model::Assignment> default_placements(const model::Workload& workload,
                                                  const model::Rates& rates,
                                                  const Constraints& constraints,
                                                  const TierRoom& room);

/// The present placement as far as room and rules allow. The task must have one.
model::Assignment present_or_nearest(const Task& task);

/// Sets constraints.steps_in_horizon: how many steps of the present placement take so long.
void set_horizon(Task& task, Nanoseconds horizon);

struct MoveTotal {
  std::uint64_t blocks = 0;
  double seconds = 0;  ///< one after another
};
MoveTotal moves_between(const Task& task, const model::Assignment& where);

/// With a present placement: the one with the least time for the horizon's steps and its moves
/// together, which is never more than staying takes. Errors: those of solve().
Result<model::Assignment> planned_assignment(const Task& task);

}  // namespace terrace::plan
