// SPDX-License-Identifier: Apache-2.0
// A heat map for people (text) and for programs (JSON). Last stage of `terrace report`.
// Thread-safe; allocates. Names in a session are untrusted: control characters and broken UTF-8
// become '?'.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "profiler/heat/heat_map.h"

namespace terrace::report {

inline constexpr int kReportSchemaVersion = 1;

enum class Glyphs {
  kUnicode,  ///< heat bars in eighth blocks
  kAscii,    ///< for terminals and logs without UTF-8
};

enum class Colours {
  kNone,
  k256,  ///< of xterm, beside the glyphs
};

struct ReportOptions {
  int width = 100;  ///< columns; at least 60 are used
  Glyphs glyphs = Glyphs::kUnicode;
  Colours colours = Colours::kNone;  ///< of the heat over time
  std::size_t max_objects = 20;      ///< rows; what is left out is summed up in one line
  std::string session_path;          ///< named in the closing hint
  std::string heat_over_time;        ///< by heat_text.h, before the hint; empty: none
};

/// Lines end in '\n'; none but the last, which is to be copied, is wider than options.width.
std::string render_text(const heat::HeatMap& map, const ReportOptions& options);

/// With schema_version; each object's blocks as runs of equal figures:
/// {"first_block", "blocks", "tier", "bytes_per_second_per_block"}.
nlohmann::json to_json(const heat::HeatMap& map);

}  // namespace terrace::report
