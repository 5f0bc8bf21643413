// SPDX-License-Identifier: Apache-2.0
// What was read about the machine, node by node, before it is judged: the step between the
// readers (sysfs_reader, live_machine) and classify. Plain values; allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <terrace/tier.h>
#include <terrace/units.h>

namespace terrace {

struct NodeFacts {
  NodeId id{};
  bool has_cpu = false;
  Figure<Bytes> capacity;            ///< memory that the kernel manages on the node
  Bytes online_blocks;               ///< size of its online memory blocks, 0 when not told
  Figure<GBps> read_bandwidth;       ///< from its best initiator
  Figure<Nanoseconds> read_latency;  ///< from its best initiator
  std::optional<int> memory_tier;    ///< the kernel's own number; lower is faster
  std::optional<int> cpu_distance;   ///< SLIT distance to the nearest node with CPUs
};

struct MachineFacts {
  std::string cpu_model;  ///< empty when not told
  int hardware_threads = 0;
  Bytes system_memory;             ///< MemTotal of the whole machine, 0 when not told
  std::vector<NodeFacts> nodes;    ///< nodes that have memory, ascending
  std::vector<std::string> notes;  ///< what was missing or made no sense, with the remedy
};

}  // namespace terrace
