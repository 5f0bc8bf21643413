// SPDX-License-Identifier: Apache-2.0
// What the machine can do: each tier's read bandwidth and latency, measured and cached.
// Behind `terrace calibrate`; its cache is what discovery merges into the tiers. One run at a time
// (two would measure each other); allocates, and takes as much memory as the caches call for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "allocators/topology/calibration_file.h"
#include "profiler/calibrate/probe.h"

namespace terrace::calibrate {

enum class Effort : std::uint8_t {
  kFull,   ///< 7 rounds in about 10 s for all tiers together
  kQuick,  ///< 3 rounds in about 2 s
};

enum class Reuse : std::uint8_t {
  kIfValid,  ///< take the cached figures when they are this machine's and cover its tiers
  kNever,    ///< measure, and write the cache anew
};

struct CalibrationOptions {
  Effort effort = Effort::kFull;
  int threads = 0;         ///< for the all-threads figure; 0: every hardware thread
  std::uint64_t seed = 1;  ///< of the random cycle that the latency probe follows
};

struct CalibrationProgress {
  std::string tier;
  Quantity quantity{};  ///< measured last
  int step = 0;         ///< of all steps over all tiers, this one included
  int steps = 0;
  double value = 0;  ///< in GB/s or ns, by quantity
};
using ProgressFunction = std::function<void(const CalibrationProgress&)>;

struct CalibrationRun {
  Calibration calibration;  ///< one entry per tier; emulated ones with provenance kUserFile
  bool from_cache = false;
  std::uint64_t seed = 0;
  std::vector<std::string> notes;  ///< for the user: what was not measured, and why
};

/// Measures every NUMA-backed tier. Figures are medians over rounds; each round measures all four
/// quantities, so that a disturbance of some seconds hits all of them in a few rounds and moves no
/// median. Emulated tiers are not measured: their figures are the configured ones, and a note says
/// so. `progress` may be empty; it is called on the calling thread.
Result<CalibrationRun> calibrate(const Topology& topology, const CalibrationOptions& options,
                                 const ProbeFactory& probes, const ProgressFunction& progress);

/// The same through the cache at `path`. A cache that is missing, torn or another machine's is
/// measured again and replaced, with a note. A cache that cannot be written is a note as well: the
/// figures are there.
Result<CalibrationRun> calibrate_cached(const Topology& topology, const CalibrationOptions& options,
                                        const std::string& path, Reuse reuse,
                                        const ProbeFactory& probes,
                                        const ProgressFunction& progress);

/// $XDG_CACHE_HOME/terrace/calibration-<machine_id>.json, or the same below $HOME/.cache. Either
/// may be null or empty; with neither, below /tmp. XDG asks to ignore a relative path.
std::string calibration_path(const std::string& machine_id, const char* xdg_cache_home,
                             const char* home);

/// calibration_path() with this process's environment.
std::string default_calibration_path(const std::string& machine_id);

}  // namespace terrace::calibrate
