// SPDX-License-Identifier: Apache-2.0
// What memory this machine has: tiers in order of speed, and what could not be known.
// First step of every command; never used inside another program's malloc.
// discover_topology() is thread-safe and reads only; it allocates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <terrace/export.h>
#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace {

/// What discover_topology() reads besides the machine itself.
struct DiscoveryOptions {
  std::string sysfs_root = "/sys";  ///< a captured tree serves the tests
  std::string tiers_file;           ///< TOML that overrides or adds tiers; empty: none
  std::string calibration_file;     ///< cached measurements to merge; empty: none
};

/// One NUMA node that has memory, as the kernel shows it.
struct Node {
  NodeId id{};
  std::string tier;  ///< the numa tier that holds it; empty when the user's file leaves it out
  TierKind kind = TierKind::kUnknown;  ///< its tier's
  bool has_cpu = false;
  Figure<Bytes> capacity;            ///< its memory, before any limit on this process
  std::optional<int> memory_tier;    ///< N of the kernel's memory_tierN; lower is faster. The
                                     ///< kernel shows no range of abstract distances (6.18)
  std::optional<int> weight;         ///< of the kernel's weighted interleave, Linux 6.9 on
  std::vector<std::string> devices;  ///< dax devices whose memory it is; none: the firmware's own
  Figure<GBps> read_bandwidth;       ///< from its nearest CPUs
  Figure<Nanoseconds> read_latency;  ///< from its nearest CPUs
};

/// The nearest node of one kind, as seen from a node with CPUs.
struct NearNode {
  TierKind kind = TierKind::kUnknown;
  NodeId id{};
  std::optional<int> distance;       ///< SLIT; 10 is the node itself
  Figure<GBps> read_bandwidth;       ///< known when the kernel gives it for these CPUs
  Figure<Nanoseconds> read_latency;  ///< known when the kernel gives it for these CPUs
};

/// A node with CPUs: a socket, or a part of one where the firmware divides it.
struct CpuNode {
  NodeId id{};
  std::vector<NearNode> nearest;  ///< one for each kind of node, in order of kind
};

/// A machine's memory: what is there, how fast it is, and what nobody could tell.
struct TERRACE_API Topology {
  std::string machine_id;  ///< stable hash of CPU model, nodes, devices and their sizes, 16 digits
  std::string cpu_model;
  int hardware_threads = 0;
  std::vector<Tier> tiers;            ///< fastest first
  std::vector<Node> nodes;            ///< ascending
  std::vector<CpuNode> cpu_nodes;     ///< ascending; with or without memory of their own
  std::vector<std::string> unknowns;  ///< what could not be learnt, and how to supply it

  bool emulated() const;  ///< any tier is an emulated link
  /// Without the tiers that are used on request alone.
  Topology usable() const;
  const Tier* find(const std::string& name) const;  ///< nullptr when there is none
};

/// sysfs, hwloc and libnuma where it is silent, dax devices and mounts, then the user's file.
/// Errors: kUsage for a bad tier file (with line and remedy), kIo when sysfs cannot be read.
TERRACE_API Result<Topology> discover_topology(const DiscoveryOptions& options);

}  // namespace terrace
