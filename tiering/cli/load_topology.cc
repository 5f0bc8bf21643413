// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/load_topology.h"

#include <filesystem>

namespace terrace::cli {

Result<std::string> calibration_path(const Settings& settings) {
  return settings.text("calibration");
}

Result<Topology> load_topology(const Settings& settings) {
  DiscoveryOptions options;
  options.tiers_file = settings.text("tiers");
  const Result<std::string> calibration = calibration_path(settings);
  if (!calibration.ok()) return calibration.error();
  options.calibration_file = *calibration;
  Result<Topology> topology = discover_topology(options);
  return topology;
}

}  // namespace terrace::cli
