// SPDX-License-Identifier: Apache-2.0
// The NUMA nodes as plain LD_PRELOAD sees them: sizes, figures, and the kind of each node's memory
// by the rules of allocators/topology/classify.h, which the preload library cannot hold.
// Tests compare the two on every captured tree and lab machine.
// Resident: static storage, libc only, called once before threads.
#pragma once

#include <cstdint>

#include <terrace/tier.h>

namespace terrace::runtime {

struct OwnNode {
  std::uint64_t bytes;           ///< 0: no node with memory has this number
  std::uint64_t bandwidth_mbps;  ///< to its nearest CPUs; 0: not told
  std::uint64_t latency_ns;      ///< from its nearest CPUs; 0: not told
  std::uint32_t memory_tier;     ///< the kernel's number plus one; 0: not told
  bool has_cpu;
  bool mixed_devices;    ///< made of dax devices of different kinds
  TierKind device_kind;  ///< of the dax devices that the kernel made it of, else kUnknown
  TierKind kind;
};

/// kMaxNodes entries, by node number, good until the next call. What cannot be read stays 0.
const OwnNode* read_own_nodes(const char* sysfs_root);

}  // namespace terrace::runtime
