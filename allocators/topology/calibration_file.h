// SPDX-License-Identifier: Apache-2.0
// The cached result of `terrace calibrate`: JSON, one file per machine. Written by
// profiler/calibrate, merged into the tiers by discovery. Thread-safe on different files;
// allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace {

/// Several measurements of one figure.
struct Spread {
  double median = 0;
  double low = 0;
  double high = 0;
  int repeats = 0;  ///< 0: not measured
};

struct TierMeasurement {
  std::string tier;
  std::vector<NodeId> nodes;
  Provenance from = Provenance::kCalibrated;  ///< kUserFile: configured, not measured
  Spread read_bandwidth_gbps;
  Spread read_bandwidth_one_gbps;
  Spread idle_latency_ns;
  Spread loaded_latency_ns;
};

struct Calibration {
  std::string machine_id;
  std::string cpu_model;
  int threads = 0;  ///< behind read_bandwidth_gbps
  std::int64_t measured_at_unix_s = 0;
  std::vector<TierMeasurement> tiers;
};

/// kIo when the file cannot be read, kUsage when it holds something else (names the place).
Result<Calibration> load_calibration(const std::string& path);

/// Writes a new file beside `path` and renames it, so that readers see the old or the new one, and
/// makes the folder when it is missing. Only tiers that were measured (kCalibrated) are kept.
Status save_calibration(const Calibration& calibration, const std::string& path);

/// Puts measured figures into the tiers that match by name and nodes, where no better source (the
/// user's file) has spoken. Emulated tiers are left alone.
void merge_calibration(const Calibration& calibration, std::vector<Tier>& tiers);

}  // namespace terrace
