// SPDX-License-Identifier: Apache-2.0
// Finds the filesystems whose files are mapped straight from persistent memory (fsdax).
// Part of discovery's first step, called by sysfs_reader. Thread-safe, reads only; allocates.
#pragma once

#include <string>
#include <vector>

#include "allocators/topology/machine_facts.h"

namespace terrace {

/// Mounts of `proc_root`/self/mountinfo, else `proc_root`/mountinfo, that are writable, carry the
/// option dax, dax=always or dax=inode, and lie on a block device that supports it; the first
/// mount of each device, by folder. Lines that make no sense are passed over.
std::vector<DaxMount> read_dax_mounts(const std::string& sysfs_root, const std::string& proc_root);

}  // namespace terrace
