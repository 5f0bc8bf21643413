// SPDX-License-Identifier: Apache-2.0
// The step-time model (docs/model.md): how long one step takes when each block lies on a given
// tier. Used to fit the engine's own rate to a recording, to price plans and default policies by
// the same formula, and by the tests that hold the linear programme against enumeration.
// Pure functions: thread-safe; allocate only their results. O(blocks) for each evaluation.
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/model/workload.h"

namespace terrace::model {

/// Tier index of each block of each object of a Workload.
using Assignment = std::vector<std::vector<std::uint8_t>>;

struct Rates {
  double engine_seconds_per_byte = 0;         ///< on fast memory, the engine's work included
  std::vector<double> tier_seconds_per_byte;  ///< 1 / bandwidth of each tier, fastest first
};

struct StepTime {
  double step_seconds = 0;
  double compute_seconds = 0;             ///< engine's rate times all bytes
  std::vector<double> tier_busy_seconds;  ///< bytes of each tier over its bandwidth
};

/// T = sum over phases of max(c s, max over tiers i of s_i / B_i) + sum over i of r_i max(c, 1/B_i)
/// with s the phase's streamed bytes, r its routed bytes, c the engine's seconds per byte.
/// Every tier index in `where` must be below the number of tiers.
StepTime step_time(const Workload& workload, const Rates& rates, const Assignment& where);

/// Fastest rates that the engine can have, in seconds per byte; 0: unknown.
struct EngineLimits {
  double one_thread = 0;   ///< 1 / the fastest tier's bandwidth for one thread
  double all_threads = 0;  ///< the same for all threads
};

struct EngineFit {
  double seconds_per_byte = 0;
  double predicted_seconds = 0;  ///< of the recorded placement at that rate
  bool at_limit = false;         ///< the limit predicts more than was recorded, and was kept
};

/// The engine rate at which the model gives the recorded step for the recorded placement, found by
/// bisection (the model never falls when c rises). It stays at or above the one-thread limit unless
/// that predicts more than was recorded, which several threads explain; then the all-threads limit
/// holds.
EngineFit fit_engine(const Workload& workload, const std::vector<double>& tier_seconds_per_byte,
                     const Assignment& recorded, const EngineLimits& limits);

}  // namespace terrace::model
