// SPDX-License-Identifier: Apache-2.0
// What every --json document of the command line begins with, and tiers with the source of each
// figure. Used by topo, calibrate, doctor, verify. Thread-safe; allocates.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include <terrace/topology.h>

namespace terrace::cli {

inline constexpr int kJsonSchemaVersion = 1;

/// schema_version, kind, producer, machine, emulated.
nlohmann::ordered_json json_document(const std::string& kind, const std::string& machine_id,
                                     bool emulated);

/// {"value": n, "provenance": "..."}; an unknown figure's value is null.
nlohmann::ordered_json tier_to_json(const Tier& tier);

/// One document, indented, on standard output.
void print_json(const nlohmann::ordered_json& document);

}  // namespace terrace::cli
