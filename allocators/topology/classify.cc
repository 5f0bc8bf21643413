// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/classify.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <optional>

namespace terrace {
namespace {

/// The best of the nodes with CPUs, which others are held against.
struct Reference {
  Figure<GBps> bandwidth;
  Figure<Nanoseconds> latency;
  std::optional<int> memory_tier;
};

Reference reference_of(const std::vector<NodeFacts>& nodes) {
  Reference best;
  for (const NodeFacts& node : nodes) {
    if (!node.has_cpu) continue;
    if (node.read_bandwidth.known() && node.read_bandwidth.value > best.bandwidth.value)
      best.bandwidth = node.read_bandwidth;
    if (node.read_latency.known() &&
        (!best.latency.known() || node.read_latency.value < best.latency.value))
      best.latency = node.read_latency;
    if (node.memory_tier && (!best.memory_tier || *node.memory_tier < *best.memory_tier))
      best.memory_tier = node.memory_tier;
  }
  return best;
}

TierKind kind_of(const NodeFacts& node, const Reference& dram) {
  if (node.has_cpu) return TierKind::kDram;
  if (node.read_bandwidth.known() && dram.bandwidth.known() &&
      node.read_bandwidth.value != dram.bandwidth.value)
    return node.read_bandwidth.value > dram.bandwidth.value ? TierKind::kHbm : TierKind::kCxl;
  if (node.read_latency.known() && dram.latency.known() &&
      node.read_latency.value != dram.latency.value)
    return node.read_latency.value < dram.latency.value ? TierKind::kHbm : TierKind::kCxl;
  // The DRAM tier's own number tells nothing: the kernel puts every node there that no driver and
  // no firmware table describes.
  if (node.memory_tier && dram.memory_tier && *node.memory_tier != *dram.memory_tier)
    return *node.memory_tier < *dram.memory_tier ? TierKind::kHbm : TierKind::kCxl;
  return TierKind::kUnknown;
}

/// Nodes are read side by side, so their bandwidths add; one unknown makes the sum unknown.
void add_node(Tier& tier, const NodeFacts& node) {
  const bool first = tier.nodes.empty();
  tier.nodes.push_back(node.id);
  tier.capacity = {tier.capacity.value + node.capacity.value, node.capacity.from};
  if (first) {
    tier.read_bandwidth = node.read_bandwidth;
    tier.idle_latency = node.read_latency;
    return;
  }
  if (!node.read_bandwidth.known()) tier.read_bandwidth = {};
  if (tier.read_bandwidth.known())
    tier.read_bandwidth.value =
        GBps(tier.read_bandwidth.value.value + node.read_bandwidth.value.value);
  if (!node.read_latency.known()) tier.idle_latency = {};
  if (tier.idle_latency.known())
    tier.idle_latency.value = std::max(tier.idle_latency.value, node.read_latency.value);
}

/// Order for tiers of which nothing else is known: nearer to a CPU is faster.
std::vector<NodeFacts> nearest_first(std::vector<NodeFacts> nodes) {
  std::stable_sort(nodes.begin(), nodes.end(), [](const NodeFacts& a, const NodeFacts& b) {
    return a.cpu_distance.value_or(INT_MAX) < b.cpu_distance.value_or(INT_MAX);
  });
  return nodes;
}

int rank_of(TierKind kind) {
  switch (kind) {
    case TierKind::kHbm:
      return 0;
    case TierKind::kDram:
      return 1;
    case TierKind::kCxl:
      return 2;
    case TierKind::kPmem:
      return 3;
    case TierKind::kFile:
      return 4;
    case TierKind::kUnknown:
      break;
  }
  return 5;
}

}  // namespace

void count_late_memory(MachineFacts& facts) {
  Bytes counted;
  Bytes gaps;
  for (const NodeFacts& node : facts.nodes) {
    counted += node.capacity.value;
    if (node.online_blocks > node.capacity.value) gaps += node.online_blocks - node.capacity.value;
  }
  if (facts.system_memory <= counted || gaps.value == 0) return;
  const double share = std::min(1.0, static_cast<double>((facts.system_memory - counted).value) /
                                         static_cast<double>(gaps.value));
  for (NodeFacts& node : facts.nodes)
    if (node.online_blocks > node.capacity.value) {
      const Bytes gap = node.online_blocks - node.capacity.value;
      node.capacity.value +=
          Bytes(static_cast<std::uint64_t>(share * static_cast<double>(gap.value)));
    }
}

std::vector<Tier> tiers_from(const MachineFacts& facts) {
  const Reference dram = reference_of(facts.nodes);
  std::vector<Tier> tiers;
  for (const NodeFacts& node : nearest_first(facts.nodes)) {
    const TierKind kind = kind_of(node, dram);
    const std::string name = kind == TierKind::kUnknown ? "node" + std::to_string(raw(node.id))
                                                        : std::string(name_of(kind));
    auto tier = std::find_if(tiers.begin(), tiers.end(),
                             [&](const Tier& known) { return known.name == name; });
    if (tier == tiers.end()) {
      tiers.emplace_back();
      tier = tiers.end() - 1;
      tier->name = name;
      tier->kind = kind;
    }
    add_node(*tier, node);
  }
  for (Tier& tier : tiers) std::sort(tier.nodes.begin(), tier.nodes.end());
  return tiers;
}

void sort_tiers(std::vector<Tier>& tiers) {
  const bool by_bandwidth = std::all_of(tiers.begin(), tiers.end(), [](const Tier& tier) {
    return tier.emulated() || tier.read_bandwidth.known();
  });
  std::stable_sort(tiers.begin(), tiers.end(), [&](const Tier& a, const Tier& b) {
    if (a.emulated() != b.emulated()) return b.emulated();
    if ((by_bandwidth || a.emulated()) && a.read_bandwidth.value != b.read_bandwidth.value)
      return a.read_bandwidth.value > b.read_bandwidth.value;
    return rank_of(a.kind) < rank_of(b.kind);
  });
}

std::vector<std::string> unknowns_of(const std::vector<Tier>& tiers) {
  std::vector<std::string> unknowns;
  for (const Tier& tier : tiers) {
    if (tier.kind == TierKind::kUnknown)
      unknowns.push_back("tier " + tier.name +
                         ": kind of memory not known; state it in the tier file, as in [[tier]] "
                         "name = \"" +
                         tier.name + "\", kind = \"cxl\"");
    const bool no_bandwidth = !tier.read_bandwidth.known();
    const bool no_latency = !tier.idle_latency.known();
    if (!no_bandwidth && !no_latency) continue;
    const std::string what = no_bandwidth && no_latency ? "bandwidth and latency"
                             : no_bandwidth             ? "bandwidth"
                                                        : "latency";
    unknowns.push_back("tier " + tier.name + ": " + what + " not known; " +
                       (tier.emulated() ? "state it in the tier file"
                                        : "run `terrace calibrate` or state it in the tier file"));
  }
  return unknowns;
}

std::string machine_id_of(const MachineFacts& facts) {
  std::string text = facts.cpu_model;
  for (const NodeFacts& node : facts.nodes) {
    const std::uint64_t gib = (node.capacity.value.value + MiB(512).value) >> 30;
    text += "\n" + std::to_string(raw(node.id)) + ":" + std::to_string(gib);
  }
  std::uint64_t hash = 14695981039346656037u;
  for (const char byte : text) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 1099511628211u;
  }
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash));
  return hex;
}

std::string node_list_text(const std::vector<NodeId>& nodes) {
  std::string text;
  for (std::size_t i = 0; i < nodes.size();) {
    std::size_t end = i;
    while (end + 1 < nodes.size() && raw(nodes[end + 1]) == raw(nodes[end]) + 1) ++end;
    if (!text.empty()) text += ",";
    text += std::to_string(raw(nodes[i]));
    if (end > i) text += "-" + std::to_string(raw(nodes[end]));
    i = end + 1;
  }
  return text;
}

}  // namespace terrace
