// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/neighbours.h"

#include <algorithm>
#include <climits>
#include <tuple>

#include "allocators/topology/classify.h"

namespace terrace {
namespace {

const Tier* holder_of(NodeId id, const std::vector<Tier>& tiers) {
  for (const Tier& tier : tiers)
    if (tier.backing == BackingKind::kNuma &&
        std::find(tier.nodes.begin(), tier.nodes.end(), id) != tier.nodes.end())
      return &tier;
  return nullptr;
}

Node describe_node(const NodeFacts& facts) {
  Node node;
  node.id = facts.id;
  node.has_cpu = facts.has_cpu;
  node.capacity = facts.capacity;
  node.memory_tier = facts.memory_tier;
  node.weight = facts.interleave_weight;
  node.devices = facts.devices;
  node.read_bandwidth = facts.read_bandwidth;
  node.read_latency = facts.read_latency;
  return node;
}

NearNode seen_from(NodeId cpus, const NodeFacts& node, const MachineFacts& facts) {
  NearNode near;
  near.id = node.id;
  for (const CpuDistance& to : node.cpu_distances)
    if (to.cpus == cpus) near.distance = to.distance;
  const auto& holds_for = node.initiators;
  const bool listed = std::find(holds_for.begin(), holds_for.end(), cpus) != holds_for.end();
  if (!listed && !(holds_for.empty() && facts.cpu_nodes.size() == 1)) return near;
  near.read_bandwidth = node.read_bandwidth;
  near.read_latency = node.read_latency;
  return near;
}

/// A node is nearest to itself, whether or not the firmware gives distances.
bool is_nearer(const NearNode& a, const NearNode& b, NodeId cpus) {
  const auto key = [&](const NearNode& node) {
    const bool told = node.read_bandwidth.known() || node.read_latency.known();
    return std::tuple(node.id == cpus ? 0 : node.distance.value_or(INT_MAX), told ? 0 : 1,
                      -node.read_bandwidth.value.value, raw(node.id));
  };
  return key(a) < key(b);
}

}  // namespace

std::vector<Node> describe_nodes(const MachineFacts& facts, const std::vector<Tier>& tiers) {
  const std::vector<TierKind> kinds = kinds_of(facts.nodes);
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < facts.nodes.size(); ++i) {
    Node node = describe_node(facts.nodes[i]);
    node.kind = kinds[i];
    if (const Tier* tier = holder_of(node.id, tiers)) {
      node.tier = tier->name;
      node.kind = tier->kind;
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::vector<CpuNode> find_nearest(const MachineFacts& facts, const std::vector<Node>& nodes) {
  std::vector<CpuNode> all;
  for (const NodeId cpus : facts.cpu_nodes) {
    CpuNode from{cpus, {}};
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      NearNode candidate = seen_from(cpus, facts.nodes[i], facts);
      candidate.kind = nodes[i].kind;
      const auto known =
          std::find_if(from.nearest.begin(), from.nearest.end(),
                       [&](const NearNode& near) { return near.kind == candidate.kind; });
      if (known == from.nearest.end()) {
        from.nearest.push_back(candidate);
      } else if (is_nearer(candidate, *known, cpus)) {
        *known = candidate;
      }
    }
    std::sort(from.nearest.begin(), from.nearest.end(), [](const NearNode& a, const NearNode& b) {
      return rank_of(a.kind) < rank_of(b.kind);
    });
    all.push_back(std::move(from));
  }
  return all;
}

}  // namespace terrace
