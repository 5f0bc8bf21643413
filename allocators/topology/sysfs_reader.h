// SPDX-License-Identifier: Apache-2.0
// Reads nodes, sizes, HMAT figures, memory tiers and distances from a sysfs tree, live or captured.
// First step of discovery. Thread-safe, reads only; allocates.
#pragma once

#include <string>

#include <terrace/result.h>

#include "allocators/topology/machine_facts.h"

namespace terrace {

/// `sysfs_root` is "/sys" or the `sys` folder of a captured tree; its sibling `proc` supplies the
/// CPU model and the machine's total memory when it is there. A file that is missing or holds
/// garbage leaves its figure unknown and adds a note; only a tree that does not say which nodes
/// have memory is an error (kIo).
Result<MachineFacts> read_sysfs(const std::string& sysfs_root);

}  // namespace terrace
