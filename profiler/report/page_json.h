// SPDX-License-Identifier: Apache-2.0
// The data inside the page of `terrace report --html`, bounded whatever the session's length: time
// in at most 240 columns, at most 3,000 objects by name. Read by html/report_page.js.
// Thread-safe; allocates.
#pragma once

#include <nlohmann/json.hpp>

#include "profiler/heat/timeline.h"
#include "profiler/report/heat_grid.h"
#include "profiler/report/page_view.h"
#include "profiler/report/placement_history.h"

namespace terrace::report {

inline constexpr int kPageSchemaVersion = 1;

nlohmann::json page_json(const heat::HeatMap& map, const heat::Timeline& timeline,
                         const PlacementHistory& history, const PageView& view);

}  // namespace terrace::report
