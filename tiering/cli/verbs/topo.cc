// SPDX-License-Identifier: Apache-2.0
// terrace topo: the machine's tiers, each figure with its source, and what could not be learnt.
#include <cstdio>

#include <fmt/format.h>

#include "tiering/cli/json_document.h"
#include "tiering/cli/load_topology.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/text_table.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

template <typename T>
std::string shown(const Figure<T>& figure, const std::string& value) {
  return figure.known() ? fmt::format("{} ({})", value, name_of(figure.from)) : "unknown";
}

std::string nodes_of(const Tier& tier) {
  std::string text;
  for (const NodeId node : tier.nodes)
    text += fmt::format("{}{}", text.empty() ? "" : ",", raw(node));
  return text.empty() ? "-" : text;
}

std::string latencies_of(const Tier& tier) {
  auto idle = shown(tier.idle_latency, fmt::format("{} ns", tier.idle_latency.value.value));
  if (!tier.loaded_latency.known()) return idle;
  return idle + "; loaded " +
         shown(tier.loaded_latency, fmt::format("{} ns", tier.loaded_latency.value.value));
}

std::string bandwidth_of(const Figure<GBps>& figure) {
  return shown(figure, fmt::format("{:.2f} GB/s", figure.value.value));
}

void print_text(const Topology& topology) {
  std::string text = fmt::format("{}, {} hardware threads, machine {}\n\n", topology.cpu_model,
                                 topology.hardware_threads, topology.machine_id);
  TextTable table({{"tier"},
                   {"kind"},
                   {"backing"},
                   {"nodes"},
                   {"capacity"},
                   {"read, all threads"},
                   {"read, one thread"},
                   {"latency"}});
  for (const Tier& tier : topology.tiers) {
    table.add({tier.name, name_of(tier.kind), name_of(tier.backing), nodes_of(tier),
               shown(tier.capacity, show_bytes(tier.capacity.value)),
               bandwidth_of(tier.read_bandwidth), bandwidth_of(tier.read_bandwidth_one),
               latencies_of(tier)});
  }
  text += table.text();
  if (topology.emulated()) text += "\nA tier is emulated: what is measured on it is, too.\n";
  if (!topology.unknowns.empty()) text += "\nNot known:\n";
  for (const std::string& unknown : topology.unknowns) text += fmt::format("- {}\n", unknown);
  std::fputs(text.c_str(), stdout);
}

void print_document(const Topology& topology) {
  auto json = json_document("topology", topology.machine_id, topology.emulated());
  json["cpu_model"] = topology.cpu_model;
  json["hardware_threads"] = topology.hardware_threads;
  json["tiers"] = nlohmann::ordered_json::array();
  for (const Tier& tier : topology.tiers) json["tiers"].push_back(tier_to_json(tier));
  json["unknowns"] = topology.unknowns;
  print_json(json);
}

}  // namespace

int topo_verb(const Call& call) {
  const Result<Topology> topology = load_topology(call.settings);
  if (!topology.ok()) {
    say_error(topology.error().message);
    return static_cast<int>(topology.error().code);
  }
  if (call.settings.flag("json")) {
    print_document(*topology);
  } else {
    print_text(*topology);
  }
  bool measured = true;
  for (const Tier& tier : topology->tiers) measured = measured && tier.read_bandwidth.known();
  if (!measured) say_hint("next: terrace calibrate");
  return 0;
}

}  // namespace terrace::cli
