// SPDX-License-Identifier: Apache-2.0
// The prediction of one step of decoding, or of one prompt, on one machine: seconds with an
// interval, what binds, and where each class of bytes lies. Heart of `terrace wall`; formula in
// docs/memory-wall.md. Pure functions: thread-safe, allocate their results, below a millisecond.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/decode_fit.h"
#include "tiering/wall/placement.h"
#include "tiering/wall/wall_machine.h"

namespace terrace::wall {

enum class Bound : std::uint8_t {
  kBandwidth = 0,  ///< the reads of one tier
  kCompute = 1,    ///< arithmetic
  kLatency = 2,    ///< kernel starts and first accesses, layer after layer
  kCapacity = 3,   ///< reads of a slower tier, which the fastest has no room for
  kLink = 4,       ///< reads through the link in front of a tier
};
const char* name_of(Bound bound);

struct StepPrediction {
  double seconds = 0;
  double low_seconds = 0;  ///< four of five fall between low and high
  double high_seconds = 0;
  double compute_seconds = 0;
  double memory_seconds = 0;
  double start_seconds = 0;  ///< layers' starts and dependent accesses' loaded latency
  Bound bound = Bound::kBandwidth;
  std::string bound_by;               ///< the tier, where one binds
  std::vector<double> achieved_gbps;  ///< of each tier, what the prediction counts on
  Placement placement;                ///< [class of the load][tier of the machine]
};

struct Assumptions {
  FormatFamily family = FormatFamily::kPlain;
  /// Share of nominal flops that kernels reach. Not fitted: see docs/memory-wall.md.
  double compute_share = 0.5;
  double compute_spread = 2;  ///< factor of doubt about it
};

/// Bytes a second that decoding draws from the tier.
double tier_gbps(const DecodeFit& fit, const WallMachine& machine, const WallTier& tier,
                 FormatFamily family);

/// Error kInfeasible: the load's resident bytes do not fit into the machine.
Result<StepPrediction> predict_step(const DecodeFit& fit, const WallMachine& machine,
                                    const WallLoad& load, const Assumptions& assumptions);

}  // namespace terrace::wall
