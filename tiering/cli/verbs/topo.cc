// SPDX-License-Identifier: Apache-2.0
// terrace topo: the machine's tiers, each figure with its provenance, and what could not be learnt.
#include <cstdio>

#include "tiering/cli/json_document.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/topology_text.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

void print_document(const Topology& topology) {
  auto json = json_document("topology", topology.machine_id, topology.emulated());
  json["cpu_model"] = topology.cpu_model;
  json["hardware_threads"] = topology.hardware_threads;
  json["tiers"] = nlohmann::ordered_json::array();
  for (const Tier& tier : topology.tiers) json["tiers"].push_back(tier_to_json(tier));
  json["nodes"] = nlohmann::ordered_json::array();
  for (const Node& node : topology.nodes) json["nodes"].push_back(node_to_json(node));
  json["cpu_nodes"] = nlohmann::ordered_json::array();
  for (const CpuNode& from : topology.cpu_nodes)
    json["cpu_nodes"].push_back(cpu_node_to_json(from));
  json["unknowns"] = topology.unknowns;
  print_json(json);
}

}  // namespace

int topo_verb(const Call& call) {
  const Result<Topology> topology = load_topology(call.settings);
  if (!topology.ok()) return failed(topology.error());
  if (call.settings.flag("json")) {
    print_document(*topology);
  } else {
    std::fputs(topology_text(*topology).c_str(), stdout);
  }
  bool measured = true;
  for (const Tier& tier : topology->tiers)
    measured = measured && (tier.use == Use::kOnRequest || tier.read_bandwidth.known());
  say_hint(measured ? "next: terrace record -o a.session -- PROGRAM" : "next: terrace calibrate");
  return 0;
}

}  // namespace terrace::cli
