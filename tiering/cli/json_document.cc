// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/json_document.h"

#include <cstdio>

#include "profiler/report/figure_json.h"
#include "tiering/cli/version.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;

Json number(const std::optional<int>& of) {
  return of ? Json(*of) : Json(nullptr);
}

}  // namespace

Json json_document(const std::string& kind, const std::string& machine_id, bool emulated) {
  Json json;
  json["schema_version"] = kJsonSchemaVersion;
  json["kind"] = kind;
  json["producer"] = std::string("terrace ") + kVersion;
  json["machine_id"] = machine_id.empty() ? Json(nullptr) : Json(machine_id);
  json["emulated"] = emulated;
  return json;
}

Json tier_to_json(const Tier& tier) {
  Json json;
  json["name"] = tier.name;
  json["kind"] = name_of(tier.kind);
  json["backing"] = name_of(tier.backing);
  json["use"] = name_of(tier.use);
  json["emulated"] = tier.emulated();
  json["nodes"] = Json::array();
  for (const NodeId node : tier.nodes) json["nodes"].push_back(raw(node));
  if (tier.backing == BackingKind::kDax) {
    json["path"] = tier.path;
    json["mapping_unit_bytes"] = tier.mapping_unit.value;
  }
  json["capacity_bytes"] = report::figure_json<Json>(tier.capacity);
  json["read_bandwidth_gbps"] = report::figure_json<Json>(tier.read_bandwidth);
  json["read_bandwidth_one_thread_gbps"] = report::figure_json<Json>(tier.read_bandwidth_one);
  json["idle_latency_ns"] = report::figure_json<Json>(tier.idle_latency);
  json["loaded_latency_ns"] = report::figure_json<Json>(tier.loaded_latency);
  return json;
}

Json node_to_json(const Node& node) {
  Json json;
  json["id"] = raw(node.id);
  json["tier"] = node.tier.empty() ? Json(nullptr) : Json(node.tier);
  json["kind"] = name_of(node.kind);
  json["has_cpu"] = node.has_cpu;
  json["capacity_bytes"] = report::figure_json<Json>(node.capacity);
  json["memory_tier"] = number(node.memory_tier);
  json["weighted_interleave"] = number(node.weight);
  json["devices"] = node.devices;
  json["read_bandwidth_gbps"] = report::figure_json<Json>(node.read_bandwidth);
  json["read_latency_ns"] = report::figure_json<Json>(node.read_latency);
  return json;
}

Json cpu_node_to_json(const CpuNode& from) {
  Json json;
  json["id"] = raw(from.id);
  json["nearest"] = Json::array();
  for (const NearNode& near : from.nearest) {
    Json entry;
    entry["kind"] = name_of(near.kind);
    entry["node"] = raw(near.id);
    entry["distance"] = number(near.distance);
    entry["read_bandwidth_gbps"] = report::figure_json<Json>(near.read_bandwidth);
    entry["read_latency_ns"] = report::figure_json<Json>(near.read_latency);
    json["nearest"].push_back(std::move(entry));
  }
  return json;
}

void print_json(const Json& document) {
  // Names from outside may be no UTF-8; they are shown with a replacement character, not refused.
  const std::string text = document.dump(2, ' ', false, Json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

}  // namespace terrace::cli
