// SPDX-License-Identifier: Apache-2.0
// Hand-made machines and heat maps for the tests of model and planner.
// Values only; allocates.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <terrace/topology.h>

#include "profiler/heat/heat_map.h"

namespace terrace::fixture {

inline constexpr double kBlock = 2097152.0;

inline Tier make_tier(const std::string& name, std::uint64_t blocks, double gbps) {
  Tier tier;
  tier.name = name;
  tier.kind = TierKind::kDram;
  tier.nodes = {NodeId(0)};
  tier.capacity = {Bytes(blocks * kBlockBytes.value), Provenance::kUserFile};
  tier.read_bandwidth = {GBps(gbps), Provenance::kCalibrated};
  return tier;
}

inline Topology make_machine(std::vector<Tier> tiers) {
  Topology topology;
  topology.machine_id = "0123456789abcdef";
  topology.hardware_threads = 2;
  topology.tiers = std::move(tiers);
  return topology;
}

/// Exact observation of an object whose blocks move `bytes_per_step` each.
inline heat::ObjectHeat make_object(std::uint64_t site, const std::vector<double>& bytes_per_step,
                                    double step_seconds) {
  heat::ObjectHeat object;
  object.key = {site, bytes_per_step.size() * kBlockBytes.value, 0, Origin::kHeap};
  object.label = "object-" + std::to_string(site);
  object.source = "link-faults";
  object.relative_error = 0;
  object.lifetime_share = 1;
  for (double bytes : bytes_per_step) {
    object.block_bytes_per_second.push_back(bytes / step_seconds);
  }
  object.block_tiers.assign(bytes_per_step.size(), 0);
  return object;
}

inline heat::HeatMap make_heat(const Topology& topology, double step_seconds) {
  heat::HeatMap heat;
  heat.machine_id = topology.machine_id;
  heat.executable = "/usr/bin/engine";
  heat.tiers = topology.tiers;
  heat.step_seconds = step_seconds;
  heat.step_source = "link faults";
  return heat;
}

/// One dense object of `blocks` blocks, streamed once a step by an engine of `engine_gbps`,
/// recorded with everything on the fastest tier.
inline heat::HeatMap dense_heat(const Topology& topology, std::uint64_t blocks,
                                double engine_gbps) {
  const double step = static_cast<double>(blocks) * kBlock / (engine_gbps * 1e9);
  heat::HeatMap heat = make_heat(topology, step);
  heat.objects.push_back(make_object(1, std::vector<double>(blocks, kBlock), step));
  return heat;
}

inline std::vector<std::uint64_t> blocks_by_tier(const std::vector<std::vector<std::uint8_t>>& maps,
                                                 std::size_t tiers) {
  std::vector<std::uint64_t> count(tiers, 0);
  for (const auto& map : maps) {
    for (std::uint8_t tier : map) ++count[tier];
  }
  return count;
}

}  // namespace terrace::fixture
