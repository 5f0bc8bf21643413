// SPDX-License-Identifier: Apache-2.0
// A topology as text, for comparison with the expected.txt beside each captured tree.
#pragma once

#include <cstdio>
#include <string>

#include <terrace/topology.h>

#include "allocators/topology/classify.h"

namespace terrace {

inline std::string figure_text(double value, const char* unit, Provenance from) {
  if (from == Provenance::kUnknown) return "unknown";
  char text[64];
  std::snprintf(text, sizeof text, "%.6g %s (%s)", value, unit, name_of(from));
  return text;
}

inline std::string mapping_text(const Tier& tier) {
  return tier.path + " by " + std::to_string(tier.mapping_unit.value >> 10) + " KiB, " +
         name_of(tier.use);
}

inline std::string describe(const Tier& tier) {
  std::string text = "tier " + tier.name + ": kind " + name_of(tier.kind) + ", backing " +
                     name_of(tier.backing) + ", " +
                     (tier.backing == BackingKind::kDax ? mapping_text(tier)
                                                        : "nodes " + node_list_text(tier.nodes)) +
                     "\n";
  text += "  capacity " +
          figure_text(static_cast<double>(tier.capacity.value.value) / 1048576, "MiB",
                      tier.capacity.from) +
          "\n  bandwidth " +
          figure_text(tier.read_bandwidth.value.value, "GB/s", tier.read_bandwidth.from) +
          "\n  latency " +
          figure_text(static_cast<double>(tier.idle_latency.value.value), "ns",
                      tier.idle_latency.from) +
          "\n";
  return text;
}

inline std::string describe(const Node& node) {
  std::string text = "node " + std::to_string(raw(node.id)) + ": tier " + node.tier + ", kind " +
                     name_of(node.kind) + (node.has_cpu ? ", has CPUs" : "");
  if (node.memory_tier) text += ", memory tier " + std::to_string(*node.memory_tier);
  if (node.weight) text += ", weight " + std::to_string(*node.weight);
  for (const std::string& device : node.devices) text += ", made of " + device;
  return text + "\n";
}

inline std::string describe(const CpuNode& from) {
  std::string text = "from node " + std::to_string(raw(from.id)) + ":";
  for (const NearNode& near : from.nearest) {
    text += std::string(" ") + name_of(near.kind) + " " + std::to_string(raw(near.id));
    if (near.distance) text += " at " + std::to_string(*near.distance);
    if (near.read_bandwidth.known())
      text += " " + figure_text(near.read_bandwidth.value.value, "GB/s", near.read_bandwidth.from);
    text += ";";
  }
  return text + "\n";
}

/// Every occurrence of `root` in what could not be known reads as TREE.
inline std::string describe(const Topology& topology, const std::string& root) {
  std::string text = "cpu: " + topology.cpu_model + ", " +
                     std::to_string(topology.hardware_threads) + " threads\n";
  text += "machine: " + topology.machine_id + "\n";
  for (const Tier& tier : topology.tiers) text += describe(tier);
  for (const Node& node : topology.nodes) text += describe(node);
  for (const CpuNode& from : topology.cpu_nodes) text += describe(from);
  for (std::string unknown : topology.unknowns) {
    for (std::size_t at; (at = unknown.find(root)) != std::string::npos;)
      unknown.replace(at, root.size(), "TREE");
    text += "unknown: " + unknown + "\n";
  }
  return text;
}

}  // namespace terrace
