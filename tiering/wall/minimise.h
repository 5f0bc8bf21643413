// SPDX-License-Identifier: Apache-2.0
// The least value of a function of a few variables, by Nelder and Mead's simplex (The Computer
// Journal 7, 1965). For the predictor's fit. Deterministic; thread-safe; allocates.
#pragma once

#include <functional>
#include <vector>

namespace terrace::wall {

using Objective = std::function<double(const std::vector<double>&)>;

/// A local minimum near `start`, restarted once from where it ended, so that a simplex that
/// collapsed too early gets a second chance. At most 3000 steps each.
std::vector<double> minimise(const Objective& objective, const std::vector<double>& start);

}  // namespace terrace::wall
