// SPDX-License-Identifier: Apache-2.0
// The memory that this process's control groups leave it. Step of discovery after the tiers of
// nodes, on the live machine only. Thread-safe, reads only; allocates.
#pragma once

#include <optional>
#include <string>

#include <terrace/tier.h>

#include "allocators/topology/machine_facts.h"

namespace terrace {

struct MemoryLimit {
  Bytes bytes;
  std::string file;  ///< where it is set
};

/// The smallest memory.max (v2) or memory.limit_in_bytes (v1) from this process's group up to the
/// root of what is mounted. Nothing when there is none. `proc_root` is "/proc" and `cgroup_root`
/// "/sys/fs/cgroup" except in tests.
std::optional<MemoryLimit> tightest_memory_limit(const std::string& proc_root,
                                                 const std::string& cgroup_root);

/// What of it objects may take: not what the group's processes use now (memory.stat's `anon`, this
/// one included), and not a sixteenth and 8 MiB for small blocks, stacks and the kernel's tables,
/// which are charged as well. Without this the group is out of memory when its tiers are full.
MemoryLimit left_for_objects(const MemoryLimit& limit);

/// Cuts the nodes' capacities to the limit, nodes of faster tiers first (`tiers` are sorted), and
/// adds a note that says so. Memory of dax devices and of files on them is not cut: a control group
/// is charged for anonymous memory, page cache and kernel structures (the kernel's
/// admin-guide/cgroup-v2.rst, "Memory"), and dax mappings are none of these.
void cut_to_limit(const MemoryLimit& limit, const std::vector<Tier>& tiers, MachineFacts& facts);

}  // namespace terrace
