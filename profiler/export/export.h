// SPDX-License-Identifier: Apache-2.0
// A session in the formats of other tools: last stage of `terrace export`. Each function makes one
// whole file. Thread-safe; allocates, in proportion to the session. Names in a session are
// untrusted: control characters and broken UTF-8 become '?'.
#pragma once

#include <string>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "profiler/heat/timeline.h"
#include "profiler/session/session_reader.h"

namespace terrace::exporting {

inline constexpr int kExportSchemaVersion = 1;

enum class Table {
  kHeat,     ///< a row for each object, stretch of time and range
  kObjects,  ///< a row for each object
  kSteps,    ///< a row for each measured step
  kTiers,    ///< a row for each tier
  kCosts,    ///< a row for each second or so of the recorder's and the links' cost
};

/// RFC 4180 with a line of column names; lines end in "\r\n". Times are seconds since the session's
/// start.
std::string to_csv(const heat::Timeline& timeline, Table table);

/// All tables in one document, with schema_version and kind "session-export".
std::string to_json(const heat::Timeline& timeline);

/// Trace Event Format (JSON object form), as ui.perfetto.dev and chrome://tracing read it: counter
/// tracks of bytes a second by tier and by object, of the step's length, of the recorder's CPU and
/// the wait for links; each measured step an instant event, each object's life an async slice.
std::string to_trace(const heat::Timeline& timeline);

/// A gzipped profile.proto of pprof: for each object of the map and tier that it lies on one sample
/// at the object's call-site, with its heat a second, its heat a step (0 without a step) and size.
/// Labels say object, tier and the access source. `session` is what `map` was made from.
/// Error kIo when zlib fails (out of memory).
Result<std::string> to_pprof(const session::Session& session, const heat::HeatMap& map);

}  // namespace terrace::exporting
