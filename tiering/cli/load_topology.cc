// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/load_topology.h"

#include <filesystem>

#include "allocators/topology/calibration_file.h"
#include "profiler/calibrate/calibrate.h"

namespace terrace::cli {

std::string calibration_path(const Settings& settings, const std::string& machine_id) {
  const std::string& named = settings.text("calibration");
  return named.empty() ? calibrate::default_calibration_path(machine_id) : named;
}

Result<Topology> load_topology(const Settings& settings) {
  DiscoveryOptions options;
  options.tiers_file = settings.text("tiers");
  Result<Topology> plain = discover_topology(options);
  if (!plain.ok()) return plain;
  // The cache is found by the machine's identity, which only discovery knows.
  options.calibration_file = calibration_path(settings, plain->machine_id);
  if (settings.text("calibration").empty()) {
    std::error_code ignored;
    if (!std::filesystem::exists(options.calibration_file, ignored)) return plain;
  } else if (const auto named = load_calibration(options.calibration_file); !named) {
    return named.error();
  }
  return discover_topology(options);
}

Result<Topology> load_topology_to_calibrate(const Settings& settings) {
  DiscoveryOptions options;
  options.tiers_file = settings.text("tiers");
  const Result<Topology> all = discover_topology(options);
  if (!all.ok()) return all;
  return all->usable();
}

Result<Topology> load_usable_topology(const Settings& settings) {
  const Result<Topology> all = load_topology(settings);
  if (!all.ok()) return all;
  return all->usable();
}

}  // namespace terrace::cli
