// SPDX-License-Identifier: Apache-2.0
// What a plan puts where, by class of memory and, of the slower tiers, the hottest names: a plan is
// made by block, and people ask for the experts. Last part of plan's text. Thread-safe; allocates.
#pragma once

#include <string>

#include "profiler/heat/heat_map.h"
#include "tiering/plan/plan.h"

namespace terrace::cli {

/// Empty when nothing that the plan places has a name.
std::string placed_names(const plan::Plan& plan, const heat::HeatMap& heat);

}  // namespace terrace::cli
