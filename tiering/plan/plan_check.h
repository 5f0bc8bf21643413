// SPDX-License-Identifier: Apache-2.0
// Does a plan fit this machine and itself? Asked before it is compiled into a flat file, for a plan
// may have been edited by hand. Thread-safe; allocates.
#pragma once

#include <terrace/result.h>
#include <terrace/topology.h>

#include "tiering/plan/plan.h"

namespace terrace::plan {

/// By how much an object's shares may miss 1 in all, and the share that its map shows.
inline constexpr double kShareTolerance = 1e-6;

/// Errors kUsage, with the object and the remedy: another machine's plan, shares that do not sum to
/// 1, a map of another length or with a tier that the plan lacks, an object twice.
Status check_plan(const Topology& topology, const Plan& plan);

}  // namespace terrace::plan
