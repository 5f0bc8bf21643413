// SPDX-License-Identifier: Apache-2.0
// What every --json document of the command line begins with, and tiers with the provenance of
// each figure. Used by topo, calibrate, doctor, verify. Thread-safe; allocates.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include <terrace/topology.h>

namespace terrace::cli {

inline constexpr int kJsonSchemaVersion = 1;

/// schema_version, kind, producer, machine_id (null: of none, or unknown), emulated.
nlohmann::ordered_json json_document(const std::string& kind, const std::string& machine_id,
                                     bool emulated);

/// name, kind, backing, use, emulated, nodes; for dax tiers path and mapping_unit_bytes; then
/// figures, each {"value": n, "provenance": "..."}, where an unknown one's value is null.
nlohmann::ordered_json tier_to_json(const Tier& tier);

/// id, tier (null: none holds it), kind, has_cpu, capacity_bytes, memory_tier and
/// weighted_interleave (numbers or null), devices (names), read_bandwidth_gbps, read_latency_ns.
nlohmann::ordered_json node_to_json(const Node& node);

/// id, nearest: [{kind, node, distance (number or null), read_bandwidth_gbps, read_latency_ns}].
nlohmann::ordered_json cpu_node_to_json(const CpuNode& from);

/// One document, indented, on standard output.
void print_json(const nlohmann::ordered_json& document);

}  // namespace terrace::cli
