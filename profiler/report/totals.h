// SPDX-License-Identifier: Apache-2.0
// Sums over a heat map by tier, for text and JSON alike. Thread-safe; allocates.
#pragma once

#include <vector>

#include "profiler/heat/heat_map.h"

namespace terrace::report {

struct TierTotal {
  double bytes = 0;
  double bytes_per_second = 0;
};

/// Of one object, one entry for each tier of the map.
std::vector<TierTotal> totals_of(const heat::HeatMap& map, const heat::ObjectHeat& object);
/// Of all objects.
std::vector<TierTotal> totals_of(const heat::HeatMap& map);

/// Bytes of the object's block: a whole one, or what is left for the last.
double block_bytes(const heat::ObjectHeat& object, std::size_t block);

}  // namespace terrace::report
