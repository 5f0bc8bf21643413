// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/node_choice.h"

#include <algorithm>

namespace terrace::migrate {

os::NodeMask mask_of(const std::vector<NodeId>& nodes) {
  os::NodeMask mask;
  for (const NodeId node : nodes) {
    const auto bit = static_cast<std::uint32_t>(raw(node));
    if (bit / 64 < os::kNodeMaskWords) mask.words[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  return mask;
}

NodeChoice::NodeChoice(const Kernel& kernel, const std::vector<NodeId>& tier) : kernel_(kernel) {
  for (const NodeId node : tier) candidates_.push_back({node, false, std::nullopt});
}

bool NodeChoice::is_in_tier(int node) const {
  return std::any_of(candidates_.begin(), candidates_.end(),
                     [&](const Candidate& candidate) { return raw(candidate.node) == node; });
}

const std::vector<int>& NodeChoice::distances_from(int node) {
  for (const From& from : known_) {
    if (from.node == node) return from.distances;
  }
  From from{node, {}};
  for (const Candidate& candidate : candidates_) {
    from.distances.push_back(kernel_.distance(NodeId{node}, candidate.node));
  }
  known_.push_back(std::move(from));
  return known_.back().distances;
}

bool NodeChoice::is_better(const Candidate& one, int one_distance, const Candidate& other,
                           int other_distance) const {
  if (one_distance != other_distance) return one_distance < other_distance;
  return one.free->value > other.free->value;
}

std::optional<NodeId> NodeChoice::pick(int from, Bytes size) {
  if (candidates_.size() == 1) {
    if (candidates_[0].full) return std::nullopt;
    return candidates_[0].node;
  }
  const std::vector<int>& distances = distances_from(from);
  Candidate* best = nullptr;
  int best_distance = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    Candidate& candidate = candidates_[i];
    if (candidate.full) continue;
    if (!candidate.free) candidate.free = kernel_.free_memory(candidate.node);
    if (best != nullptr && !is_better(candidate, distances[i], *best, best_distance)) continue;
    best = &candidate;
    best_distance = distances[i];
  }
  if (best == nullptr) return std::nullopt;
  best->free = Bytes(best->free->value > size.value ? best->free->value - size.value : 0);
  return best->node;
}

void NodeChoice::mark_full(NodeId node) {
  for (Candidate& candidate : candidates_) {
    if (candidate.node == node) candidate.full = true;
  }
}

}  // namespace terrace::migrate
