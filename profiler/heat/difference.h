// SPDX-License-Identifier: Apache-2.0
// What changed from one session of a program to another: the step, and each object's heat, held
// against how sure both figures are. Used by `terrace diff`. Thread-safe (values); allocates.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "profiler/heat/heat_map.h"

namespace terrace::heat {

struct ObjectDifference {
  std::optional<std::size_t> before;  ///< index in the earlier map's objects; none: it is new
  std::optional<std::size_t> after;   ///< in the later one's; none: it is gone
  double heat_before = 0;             ///< bytes a step, or a second (Difference::per_step)
  double heat_after = 0;
  double error = 0;  ///< one standard error of heat_after - heat_before, from both sides' counts
  double moved_share = 0;  ///< of the blocks that both have, those on a tier of another name
  double change() const { return heat_after - heat_before; }
  /// Is the change more than noise? Twice its standard error, one in twenty by chance. False where
  /// either side's heat is unknown.
  bool significant = false;
};

struct Difference {
  bool per_step = false;   ///< both sessions have a step; else heat is per second
  double step_before = 0;  ///< seconds; 0: not found
  double step_after = 0;
  std::vector<ObjectDifference> objects;  ///< largest change first
};

/// Objects are the same when site, size, origin and ordinal are; of those left over, when site,
/// origin and ordinal are and the sizes differ by less than a quarter, nearest first.
Difference difference_of(const HeatMap& before, const HeatMap& after);

}  // namespace terrace::heat
