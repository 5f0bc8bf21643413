// SPDX-License-Identifier: Apache-2.0
// Where a measuring thread runs, and how much memory its nodes have left. Used by calibration.
// Thread-safe; allocates.
#pragma once

#include <span>

#include <terrace/units.h>

namespace terrace::os {

/// Moves the calling thread to the CPUs nearest to `nodes`. Does nothing for an empty list, or when
/// the kernel refuses: the thread then runs where the scheduler puts it.
void run_near_nodes(std::span<const NodeId> nodes);

/// Free memory of the nodes together; of the whole machine for an empty list or a kernel without
/// NUMA.
Bytes free_memory_of(std::span<const NodeId> nodes);

}  // namespace terrace::os
