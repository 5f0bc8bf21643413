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
  if (node.device_kind != TierKind::kUnknown) return node.device_kind;
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

/// Order for tiers whose figures do not tell: the kernel's own tier, then nearer to a CPU.
std::vector<NodeFacts> nearest_first(std::vector<NodeFacts> nodes) {
  std::stable_sort(nodes.begin(), nodes.end(), [](const NodeFacts& a, const NodeFacts& b) {
    const int tier_of_a = a.memory_tier.value_or(INT_MAX);
    const int tier_of_b = b.memory_tier.value_or(INT_MAX);
    if (tier_of_a != tier_of_b) return tier_of_a < tier_of_b;
    return a.cpu_distance.value_or(INT_MAX) < b.cpu_distance.value_or(INT_MAX);
  });
  return nodes;
}

/// Of tiers with bandwidth: more of it, then less latency. A latency that is not known comes last.
bool is_faster(const Tier& a, const Tier& b) {
  if (a.read_bandwidth.value != b.read_bandwidth.value)
    return a.read_bandwidth.value > b.read_bandwidth.value;
  if (a.idle_latency.known() != b.idle_latency.known()) return a.idle_latency.known();
  if (a.idle_latency.value != b.idle_latency.value)
    return a.idle_latency.value < b.idle_latency.value;
  return rank_of(a.kind) < rank_of(b.kind);
}

/// The place of a tier without figures: after the last of its kind or a faster kind.
std::vector<Tier>::iterator place_of(const Tier& tier, std::vector<Tier>& sorted) {
  auto place = sorted.begin();
  for (auto at = sorted.begin(); at != sorted.end(); ++at)
    if (rank_of(at->kind) <= rank_of(tier.kind)) place = at + 1;
  return place;
}

}  // namespace

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

std::vector<TierKind> kinds_of(const std::vector<NodeFacts>& nodes) {
  const Reference dram = reference_of(nodes);
  std::vector<TierKind> kinds;
  for (const NodeFacts& node : nodes) kinds.push_back(kind_of(node, dram));
  return kinds;
}

void sort_tiers(std::vector<Tier>& tiers) {
  std::vector<Tier> sorted;
  std::vector<Tier> without_figures;
  std::vector<Tier> emulated;
  for (Tier& tier : tiers) {
    auto& group = tier.emulated()               ? emulated
                  : tier.read_bandwidth.known() ? sorted
                                                : without_figures;
    group.push_back(std::move(tier));
  }
  std::stable_sort(sorted.begin(), sorted.end(), is_faster);
  std::stable_sort(without_figures.begin(), without_figures.end(),
                   [](const Tier& a, const Tier& b) { return rank_of(a.kind) < rank_of(b.kind); });
  for (Tier& tier : without_figures) sorted.insert(place_of(tier, sorted), std::move(tier));
  std::stable_sort(emulated.begin(), emulated.end(), is_faster);
  for (Tier& tier : emulated) sorted.push_back(std::move(tier));
  tiers = std::move(sorted);
}

std::vector<std::string> unknowns_of(const std::vector<Tier>& tiers) {
  std::vector<std::string> unknowns;
  for (const Tier& tier : tiers) {
    if (tier.kind == TierKind::kUnknown)
      unknowns.push_back("tier " + tier.name +
                         ": kind of memory not known; state it in the tier file, as in [[tier]] "
                         "name = \"" +
                         tier.name + "\", kind = \"cxl\"");
    // Nothing is placed there until the user's file names it, figures and all.
    if (tier.use == Use::kOnRequest) continue;
    if (!tier.capacity.known())
      unknowns.push_back("tier " + tier.name + ": capacity not known; state it in the tier file");
    const bool no_bandwidth = !tier.read_bandwidth.known();
    const bool no_latency = !tier.idle_latency.known();
    if (!no_bandwidth && !no_latency) continue;
    const std::string what = no_bandwidth && no_latency ? "bandwidth and latency"
                             : no_bandwidth             ? "bandwidth"
                                                        : "latency";
    unknowns.push_back("tier " + tier.name + ": " + what + " not known; " +
                       (tier.emulated() || tier.backing == BackingKind::kDax
                            ? "state it in the tier file"
                            : "run `terrace calibrate` or state it in the tier file"));
  }
  return unknowns;
}

std::string machine_id_of(const MachineFacts& facts) {
  std::string text = facts.cpu_model;
  const auto gib = [](Bytes size) { return std::to_string((size.value + MiB(512).value) >> 30); };
  for (const NodeFacts& node : facts.nodes)
    text += "\n" + std::to_string(raw(node.id)) + ":" + gib(node.capacity.value);
  for (const DaxDevice& device : facts.dax)
    if (device.driver == DaxDriver::kDeviceDax) text += "\n" + device.name + ":" + gib(device.size);
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
