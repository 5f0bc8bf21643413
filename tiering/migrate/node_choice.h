// SPDX-License-Identifier: Apache-2.0
// Which of a tier's nodes a page goes to: the nearest to where it is, so that it stays on its
// socket; of equally near ones the one with the most free memory, counted down as pages are given
// to it; when that is full, the next nearest. One batch's own, so one
// thread's; allocates.
#pragma once

#include <optional>
#include <vector>

#include <terrace/units.h>

#include "tiering/migrate/kernel.h"

namespace terrace::migrate {

os::NodeMask mask_of(const std::vector<NodeId>& nodes);

class NodeChoice {
 public:
  NodeChoice(const Kernel& kernel, const std::vector<NodeId>& tier);
  bool is_in_tier(int node) const;
  /// Nothing when all are full.
  std::optional<NodeId> pick(int from, Bytes size);
  void mark_full(NodeId node);

 private:
  struct Candidate {
    NodeId node;
    bool full = false;
    std::optional<Bytes> free;  ///< read when there is a choice
  };
  /// Distances from a node to each candidate.
  struct From {
    int node;
    std::vector<int> distances;
  };
  const std::vector<int>& distances_from(int node);
  bool is_better(const Candidate& one, int one_distance, const Candidate& other,
                 int other_distance) const;

  const Kernel& kernel_;
  std::vector<Candidate> candidates_;
  std::vector<From> known_;
};

}  // namespace terrace::migrate
