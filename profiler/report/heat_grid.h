// SPDX-License-Identifier: Apache-2.0
// Heat over time as a grid of bounded size: rows are objects or parts of large ones, columns equal
// stretches of time. Behind the page's heat map and the terminal's. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "profiler/heat/heat_map.h"
#include "profiler/heat/timeline.h"

namespace terrace::report {

struct GridLimits {
  std::size_t rows = 120;
  std::size_t columns = 240;
};

struct GridRow {
  std::size_t object = 0;  ///< index in HeatMap::objects
  std::string label;       ///< tensors, or the object's with the range when it has several rows
  std::size_t first_block = 0;
  std::size_t blocks = 0;
  double bytes = 0;
  std::vector<double> tier_bytes;  ///< where it lay at last, one for each tier
  /// Bytes read and written a second, one for each column; negative where nothing was observed.
  std::vector<double> bytes_per_second;
};

struct HeatGrid {
  std::size_t columns = 0;
  double seconds = 0;  ///< that all columns cover together
  std::vector<GridRow> rows;
  std::size_t objects_left_out = 0;  ///< colder than all that are shown
};

/// Of the hottest objects of `map`, at most limits.rows; rows that are left over split the large
/// ones. Columns are never shorter than a second, about the length of one record.
HeatGrid make_heat_grid(const heat::HeatMap& map, const heat::Timeline& timeline,
                        const GridLimits& limits);

}  // namespace terrace::report
