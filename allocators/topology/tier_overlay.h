// SPDX-License-Identifier: Apache-2.0
// Lays the user's tier file over the tiers that were found. Fifth step of discovery.
// Pure; allocates. Errors are kUsage with file, line, key and remedy.
#pragma once

#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

#include "allocators/topology/machine_facts.h"
#include "allocators/topology/path_facts.h"
#include "allocators/topology/tier_file.h"

namespace terrace {

/// The plan format holds a tier in four bits.
inline constexpr std::size_t kMaxTiers = 16;

/// Rules, beyond plain override:
/// - Every node named must have memory on this machine.
/// - A numa tier takes its nodes away from the discovered tier that held them: no page belongs to
///   two. A discovered tier that loses its last node goes.
/// - An emulated tier borrows its pages: its capacity comes off the numa tiers on its nodes, unless
///   the file states theirs. It needs bandwidth and capacity; its nodes default to the first dram
///   tier's.
/// - A dax tier has a path and no nodes. A path belongs to one tier: a discovered one of another
///   name goes. A folder's tier states its capacity, others have what is there.
/// - A tier that the file names is placed unless the file says otherwise.
/// - No tier is larger than the memory of its nodes or its path, nor all numa and emulated tiers
///   together than the machine's memory.
Result<std::vector<Tier>> apply_tier_file(const TierFile& file, std::vector<Tier> discovered,
                                          const MachineFacts& facts, const PathExaminer& examine);

}  // namespace terrace
