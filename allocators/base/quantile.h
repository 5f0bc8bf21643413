// SPDX-License-Identifier: Apache-2.0
// Medians and quartiles of measured values, for calibration, benchmarks and tests.
// Thread-safe, allocates.
#pragma once

#include <algorithm>
#include <vector>

namespace terrace {

/// The value below which `share` (0 to 1) of them lie, linear between two neighbours (type 7 of
/// Hyndman and Fan, 1996): 0.5 is the median. At least one value, none NaN. O(n log n).
inline double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace terrace
