// SPDX-License-Identifier: Apache-2.0
// The heat grid for a terminal: a row for each object, a cell for each stretch of time.
// Thread-safe; allocates.
#pragma once

#include <string>

#include "profiler/report/heat_grid.h"
#include "profiler/report/report.h"

namespace terrace::report {

/// Cells shade by the heat on a logarithmic scale of three decades below the hottest, which the
/// last line explains. Lines end in '\n' and take at most options.width columns, colours apart.
std::string render_heat_text(const HeatGrid& grid, const std::vector<Tier>& tiers,
                             const ReportOptions& options);

}  // namespace terrace::report
