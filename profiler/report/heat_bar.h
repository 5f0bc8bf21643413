// SPDX-License-Identifier: Apache-2.0
// One object's heat over its length, as one line of glyphs. Thread-safe; allocates.
#pragma once

#include <string>

#include "profiler/report/report.h"

namespace terrace::report {

/// Passes a second over the hottest block of the map: what a full glyph stands for.
double hottest_passes_per_second(const heat::HeatMap& map);

/// At most `width` glyphs, each the mean over its blocks; untouched ranges have a glyph of their
/// own, however small the touched ones' heat.
std::string heat_bar(const heat::ObjectHeat& object, double full_passes_per_second,
                     std::size_t width, Glyphs glyphs);

}  // namespace terrace::report
