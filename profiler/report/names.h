// SPDX-License-Identifier: Apache-2.0
// The named parts of a heat map: as rows of JSON, and as a short table of the hottest tensors with
// sums by class and by layer. Part of report. Thread-safe; allocates. Names are untrusted, as in
// report.h.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "profiler/heat/heat_map.h"

namespace terrace::report {

/// One for each named range, hottest first: name, class, layer, expert, how it was named and how
/// sure, size and place, heat with its error.
nlohmann::json tensors_json(const heat::HeatMap& map);
/// {"class", "bytes", "bytes_per_second"} of all memory; what nobody named is "unknown".
nlohmann::json classes_json(const heat::HeatMap& map);

/// Lines of at most `width` columns that end in '\n'; empty when nothing has a name.
std::string names_text(const heat::HeatMap& map, std::size_t width, std::size_t max_tensors);

}  // namespace terrace::report
