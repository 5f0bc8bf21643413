// SPDX-License-Identifier: Apache-2.0
// Where a session's heat comes from: of which part of the recording, by which access sources, why
// these, how sure they are, and what watching cost against what it was allowed to cost. For text,
// JSON and the page alike. Part of report. Thread-safe; allocates. Texts in a session are
// untrusted, as in report.h.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "profiler/heat/heat_map.h"

namespace terrace::report {

/// One for each source that the session tells of or that counted any object, such as "link-faults":
/// name, choice, reason, confidence (0 to 1), objects and bytes_per_second that rest
/// on it, cpu_share with its parts own_cpu_share and caused_cpu_share and budget_share (of the
/// program's CPU time), bytes_per_observation, window_seconds, period_seconds. null: unknown or,
/// as with the cost of tracked writes beside another source, told with the other; a budget of null
/// is no limit.
nlohmann::json sources_json(const heat::HeatMap& map);

/// The parts of the recording of which heat is told, in seconds since its start, ascending:
/// {"begin_seconds", "end_seconds"}.
nlohmann::json steady_json(const heat::HeatMap& map);

/// The same in one line, which begins with "heat from"; empty where there are none.
std::string steady_text(const heat::HeatMap& map);

/// Why no heat at all was seen and what to do about it; empty when some was, or when there is no
/// object to be seen.
std::string nothing_observed(const heat::HeatMap& map);

/// The same as lines of at most `width` columns, of which the first begins with "WARNING".
std::vector<std::string> nothing_observed_text(const heat::HeatMap& map, std::size_t width);

/// Bytes written a second with what is known of them, for a table: "0.120", ">=0.120" when a part
/// of the object was not watched, "?" when none was. In GB/s.
std::string written_words(const heat::ObjectHeat& object);

/// sources_json() as lines of at most `width` columns, of which the first begins with "source".
std::vector<std::string> sources_text(const heat::HeatMap& map, std::size_t width);

}  // namespace terrace::report
