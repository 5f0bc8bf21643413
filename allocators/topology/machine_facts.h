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

struct CpuDistance {
  NodeId cpus{};     ///< node with CPUs
  int distance = 0;  ///< SLIT; 10 is the node itself
};

struct NodeFacts {
  NodeId id{};
  bool has_cpu = false;
  Figure<Bytes> capacity;                  ///< memory that the kernel manages on the node
  Bytes online_blocks;                     ///< size of its online memory blocks, 0 when not told
  Figure<GBps> read_bandwidth;             ///< from its nearest CPUs
  Figure<Nanoseconds> read_latency;        ///< from its nearest CPUs
  std::vector<NodeId> initiators;          ///< the nodes that these figures hold for, ascending
  std::optional<int> memory_tier;          ///< the kernel's own number; lower is faster
  std::optional<int> interleave_weight;    ///< of the kernel's weighted interleave
  std::optional<int> cpu_distance;         ///< SLIT distance to the nearest node with CPUs
  std::vector<CpuDistance> cpu_distances;  ///< to each node with CPUs, ascending
  std::vector<std::string> devices;        ///< dax devices whose memory the kernel made this node
  TierKind device_kind = TierKind::kUnknown;  ///< kind of these devices, when they agree
};

enum class DaxDriver : std::uint8_t {
  kNone = 0,       ///< nobody drives it: it can be used in no way
  kDeviceDax = 1,  ///< /dev/daxX.Y can be mapped
  kKmem = 2,       ///< its memory is pages of a NUMA node
};

/// A device on the dax bus.
struct DaxDevice {
  std::string name;  ///< "dax0.0"
  DaxDriver driver = DaxDriver::kNone;
  TierKind kind = TierKind::kUnknown;
  Use use = Use::kPlaced;
  bool may_open = true;  ///< by this process; asked on the live machine only
  Bytes size;
  Bytes align = kBlockBytes;          ///< mappings start and end at multiples of it
  std::optional<NodeId> target_node;  ///< the node that its memory is, or would be
  Figure<GBps> read_bandwidth;
  Figure<Nanoseconds> read_latency;
};

/// A filesystem on persistent memory whose files are mapped without the page cache.
struct DaxMount {
  std::string folder;  ///< mount point
  std::string device;  ///< "pmem0"
  Figure<Bytes> free;  ///< what is left on it; known on the live machine only
};

struct MachineFacts {
  std::string cpu_model;  ///< empty when not told
  int hardware_threads = 0;
  Bytes system_memory;             ///< MemTotal of the whole machine, 0 when not told
  std::vector<NodeFacts> nodes;    ///< nodes that have memory, ascending
  std::vector<NodeId> cpu_nodes;   ///< nodes that have CPUs, ascending
  std::vector<DaxDevice> dax;      ///< by name
  std::vector<DaxMount> mounts;    ///< by folder
  std::vector<std::string> notes;  ///< what was missing or made no sense, with the remedy
};

}  // namespace terrace
