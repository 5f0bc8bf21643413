// SPDX-License-Identifier: Apache-2.0
// The machine that is simulated: from a topology, or two tiers in the short form (share of the
// workload that the fast one holds, how much slower the other one is).
// Pure functions: thread-safe; allocate their results.
#pragma once

#include <string_view>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "tiering/policy/machine.h"

namespace terrace::simulate {

/// "fast" and "slow".
struct TwoTiers {
  double fast_share = 0.5;   ///< of the workload's blocks that the fast tier holds
  double slow_ratio = 0.25;  ///< slow tier's bandwidth over the fast one's
  GBps fast_bandwidth{100};
};

/// "50%", "0.5". Error kUsage: no such share, 0, or above 100 %.
Result<double> parse_fast_share(std::string_view text);
/// "1/4", "0.25", "25%". Error kUsage: no such ratio, 0, or above 1.
Result<double> parse_slow_ratio(std::string_view text);

/// Fast tier: at least one block. Slow tier: all of the workload. Idle latencies 100 ns and 250 ns:
/// nominal, DRAM and a CXL expander.
Topology two_tiers(const TwoTiers& shape, std::uint32_t blocks);

/// `engine_seconds_per_byte` 0: the engine is as fast as the fastest tier.
/// Errors: kUsage for fewer than two tiers, or one without bandwidth or capacity; kInfeasible when
/// `blocks` do not fit.
Result<policy::Machine> machine_of(const Topology& topology, double engine_seconds_per_byte,
                                   std::uint32_t blocks);

}  // namespace terrace::simulate
