// SPDX-License-Identifier: Apache-2.0
// A comparison of policies as people and as programs read it. Used by the verb simulate.
// Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <terrace/topology.h>

#include "tiering/simulate/comparison.h"

namespace terrace::cli {

/// One workload: a line of what was simulated, then a row for each policy.
std::string comparison_as_text(const simulate::Comparison& comparison, const Topology& topology);

/// Several workloads: the step time of each policy over the optimum, a row for each policy.
std::string overview_as_text(const std::vector<simulate::Comparison>& comparisons);

nlohmann::ordered_json comparison_as_json(const simulate::Comparison& comparison,
                                          const Topology& topology);

}  // namespace terrace::cli
