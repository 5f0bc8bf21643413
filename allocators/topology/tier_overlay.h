// SPDX-License-Identifier: Apache-2.0
// Lays the user's tier file over the tiers that were found. Fifth step of discovery.
// Pure; allocates. Errors are kUsage with file, line, key and remedy.
#pragma once

#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

#include "allocators/topology/machine_facts.h"
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
/// - No tier is larger than the memory of its nodes, nor all tiers together than the machine's.
Result<std::vector<Tier>> apply_tier_file(const TierFile& file, std::vector<Tier> discovered,
                                          const MachineFacts& facts);

}  // namespace terrace
