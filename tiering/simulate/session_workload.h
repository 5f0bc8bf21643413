// SPDX-License-Identifier: Apache-2.0
// A recorded session, replayed: the objects of the recording, read as its heat map says. Streamed
// blocks are read once a step; routed ones with the chance that the recording shows, neighbours of
// equal heat together, as an expert is; others several times a step. What changed during the
// recording is not replayed: the heat map has one rate for each block.
// Made from a heat map (profiler/heat) for comparison.h. Thread-safe; allocates.
#pragma once

#include <memory>
#include <vector>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "tiering/simulate/comparison.h"

namespace terrace::simulate {

/// The recorded heat and how fast the recorded engine is by the step-time model.
struct RecordedRun {
  heat::HeatMap heat;  ///< objects in the order of their birth, each with its index as site hash
  double engine_seconds_per_byte = 0;
  std::uint32_t blocks = 0;
  std::vector<std::string> notes;
};

/// Puts the heat map's objects into the order in which the session saw them born. Errors are those
/// of make_workload and of the planner's fit.
Result<RecordedRun> recorded_run(const session::Session& session, heat::HeatMap heat);

Result<std::unique_ptr<Workload>> make_session_workload(const RecordedRun& run, std::uint64_t seed);

/// The plan is the planner's from this very recording.
WorkloadSource session_source(const std::string& path, const RecordedRun& run, std::uint64_t seed);

}  // namespace terrace::simulate
