// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/topology_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "allocators/base/count_of.h"
#include "allocators/base/show_bytes.h"
#include "tiering/cli/text_table.h"

namespace terrace::cli {
namespace {

constexpr std::size_t kWidth = 100;

template <typename T>
std::string shown(const Figure<T>& figure, const std::string& value) {
  return figure.known() ? fmt::format("{} ({})", value, name_of(figure.from)) : "unknown";
}

std::string text_of(const Figure<Bytes>& size) {
  return shown(size, show_bytes(size.value));
}

std::string text_of(const Figure<GBps>& bandwidth) {
  return shown(bandwidth, fmt::format("{:.2f} GB/s", bandwidth.value.value));
}

std::string text_of(const Figure<Nanoseconds>& latency) {
  return shown(latency, fmt::format("{} ns", latency.value.value));
}

template <typename T>
std::string text_of(const std::optional<T>& number) {
  return number ? fmt::format("{}", *number) : "-";
}

/// "0-1,4"
std::string list_of(const std::vector<NodeId>& nodes) {
  std::string text;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::size_t end = i;
    while (end + 1 < nodes.size() && raw(nodes[end + 1]) == raw(nodes[end]) + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", raw(nodes[i]));
    if (end > i) text += fmt::format("-{}", raw(nodes[end]));
    i = end;
  }
  return text;
}

std::string memory_of(const Tier& tier) {
  if (tier.backing == BackingKind::kDax) return tier.path;
  const std::string nodes =
      fmt::format("node{} {}", plural_end(tier.nodes.size()), list_of(tier.nodes));
  return tier.emulated() ? "emulated, " + nodes : nodes;
}

std::string tiers_text(const std::vector<Tier>& tiers) {
  TextTable table({{"tier"}, {"kind"}, {"memory of"}, {"capacity"}, {"read, all"}, {"latency"}});
  for (const Tier& tier : tiers)
    table.add({tier.name, name_of(tier.kind), memory_of(tier), text_of(tier.capacity),
               text_of(tier.read_bandwidth), text_of(tier.idle_latency)});
  return table.text();
}

/// One thread's bandwidth and the loaded latency, which only calibration gives.
std::string measured_text(const std::vector<Tier>& tiers) {
  TextTable table({{"measured"}, {"read, one thread"}, {"latency while streamed"}});
  bool any = false;
  for (const Tier& tier : tiers) {
    if (!tier.read_bandwidth_one.known() && !tier.loaded_latency.known()) continue;
    any = true;
    table.add({tier.name, text_of(tier.read_bandwidth_one), text_of(tier.loaded_latency)});
  }
  return any ? "\n" + table.text() : "";
}

std::string devices_of(const Node& node) {
  std::string text;
  for (const std::string& device : node.devices) text += (text.empty() ? "" : ",") + device;
  return text.empty() ? "-" : text;
}

std::string nodes_text(const std::vector<Node>& nodes) {
  if (nodes.empty()) return "";
  TextTable table({{"node"},
                   {"tier"},
                   {"CPUs"},
                   {"memory"},
                   {"memory tier"},
                   {"weight"},
                   {"device"},
                   {"read, nearest CPUs"},
                   {"latency"}});
  for (const Node& node : nodes)
    table.add({fmt::format("{}", raw(node.id)), node.tier.empty() ? "-" : node.tier,
               node.has_cpu ? "yes" : "no", show_bytes(node.capacity.value),
               text_of(node.memory_tier), text_of(node.weight), devices_of(node),
               text_of(node.read_bandwidth), text_of(node.read_latency)});
  return "\n" + table.text();
}

/// "hbm 4 at 13": kind, node, SLIT distance.
std::string nearest_text(const std::vector<CpuNode>& cpu_nodes) {
  std::string text;
  for (const CpuNode& from : cpu_nodes) {
    std::string line;
    for (const NearNode& near : from.nearest) {
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", name_of(near.kind), raw(near.id));
      if (near.distance) line += fmt::format(" at {}", *near.distance);
    }
    text += fmt::format("CPUs of node {}: {}\n", raw(from.id), line);
  }
  return text.empty() ? "" : "\nNearest node of each kind, at its SLIT distance:\n" + text;
}

std::string devices_text(const std::vector<Tier>& tiers) {
  std::string text;
  for (const Tier& tier : tiers)
    if (tier.backing == BackingKind::kDax && tier.use == Use::kPlaced)
      text += fmt::format("- {}: {}, in units of {}\n", tier.name, tier.path,
                          show_bytes(tier.mapping_unit));
  return text.empty() ? "" : "\nMapped as devices or files, outside the kernel's nodes:\n" + text;
}

std::string on_request_text(const std::vector<Tier>& tiers) {
  std::string text;
  for (const Tier& tier : tiers) {
    if (tier.use != Use::kOnRequest) continue;
    const bool device = tier.path.starts_with("/dev/");
    const bool sized = tier.capacity.known();
    text += fmt::format("- {}: {}{}\n    [[tier]]\n    name = \"{}\"\n", tier.name,
                        device ? "" : "files without a name in ", tier.path, tier.name);
    text += sized ? "" : "    capacity = \"1GiB\"  # or as much of it as may be used\n";
  }
  if (text.empty()) return "";
  return "\nOn request: this memory may hold data, so nothing is placed there until the tier file "
         "names\nit (--tiers FILE):\n" +
         text;
}

/// A list's entry, broken at blanks.
std::string wrapped(const std::string& entry) {
  std::string text;
  std::string line = "-";
  for (std::size_t at = 0; at < entry.size();) {
    const std::size_t blank = std::min(entry.find(' ', at), entry.size());
    const std::string word = entry.substr(at, blank - at);
    if (line.size() > 2 && line.size() + 1 + word.size() > kWidth) {
      text += line + "\n";
      line = " ";
    }
    line += " " + word;
    at = blank + 1;
  }
  return text + line + "\n";
}

std::string unknowns_text(const std::vector<std::string>& unknowns) {
  std::string text;
  for (const std::string& unknown : unknowns) text += wrapped(unknown);
  return text.empty() ? "" : "\nNot known:\n" + text;
}

}  // namespace

std::string topology_text(const Topology& topology) {
  std::string text =
      fmt::format("{}, {}, machine {}\n\n", topology.cpu_model,
                  count_of(topology.hardware_threads, "hardware thread"), topology.machine_id);
  text += tiers_text(topology.tiers);
  if (topology.emulated()) text += "\nA tier is emulated: what is measured on it is, too.\n";
  text += measured_text(topology.tiers);
  text += nodes_text(topology.nodes);
  text += nearest_text(topology.cpu_nodes);
  text += devices_text(topology.tiers);
  text += on_request_text(topology.tiers);
  text += unknowns_text(topology.unknowns);
  return text;
}

}  // namespace terrace::cli
