// SPDX-License-Identifier: Apache-2.0
// What the report's page shows beyond the session itself: a plan, the planner's answers over a
// range of capacities, curves of the tiers. The planner stands above the profiler, so that these
// are handed down as plain data. Values: thread-safe when not written; allocate.
#pragma once

#include <string>
#include <vector>

#include "allocators/base/site_key.h"
#include "profiler/heat/heat_map.h"

namespace terrace::report {

/// Where the plan puts an object.
struct PlannedPlace {
  ObjectKey key;
  std::vector<double> shares;               ///< of its bytes on each tier of the heat map
  std::vector<double> tier_bytes_per_step;  ///< read from each tier
};

struct CapacityPoint {
  double fast_bytes = 0;
  double static_seconds = 0;   ///< step by first touch
  double planned_seconds = 0;  ///< step by plan
};

struct TierCurve {
  struct Point {
    double gbps = 0;
    double latency_ns = 0;
    std::string from;  ///< "calibrated", "guess", ...
  };
  std::vector<Point> points;  ///< by rising bandwidth; empty: latency unknown
};

struct PageView {
  std::string session_path;
  std::string plan_from;    ///< path, or how it was made; empty: there is none
  std::string why_no_plan;  ///< and what to run, when there is none
  std::vector<PlannedPlace> places;
  double planned_seconds = 0;      ///< step; 0: unknown
  double compute_seconds = 0;      ///< step that the engine alone needs
  std::vector<std::string> notes;  ///< of the planner
  std::vector<CapacityPoint> capacity;
  std::string why_no_capacity;
  std::vector<TierCurve> curves;  ///< one for each tier of the heat map
  /// A session recorded under the plan, to measure what it gained; null: none was given.
  const heat::HeatMap* after = nullptr;
};

}  // namespace terrace::report
