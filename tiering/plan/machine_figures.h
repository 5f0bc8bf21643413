// SPDX-License-Identifier: Apache-2.0
// Tiers as the planner and the flat writer need them: one bandwidth each, capacities in blocks.
// Pure functions: thread-safe; allocate their results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace::plan {

/// Read bandwidth in GB/s of all threads, of one thread when that alone is known, else 0.
double known_bandwidth(const Tier& tier);

/// nullptr when there is none.
const Tier* tier_named(const std::vector<Tier>& tiers, const std::string& name);

/// 1 / bandwidth of each tier; `fallback` is asked for tiers of the same name that lack it.
/// Errors: kUsage for a tier without bandwidth.
Result<std::vector<double>> seconds_per_byte(const std::vector<Tier>& tiers,
                                             const std::vector<Tier>& fallback);

/// Whole blocks that each tier offers when the share `headroom` stays free.
/// Errors: kUsage for a capacity that is unknown or 0, or a fastest tier below one block.
Result<std::vector<std::uint64_t>> capacity_blocks(const std::vector<Tier>& tiers, double headroom);

}  // namespace terrace::plan
