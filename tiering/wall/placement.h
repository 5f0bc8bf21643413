// SPDX-License-Identifier: Apache-2.0
// The best plan of the step-time model for a step that is known by classes of bytes only, before
// there is a machine to record on: which share of each class lies on which tier. A linear programme
// of a few columns, since every layer is like every other (docs/memory-wall.md).
// Pure function; thread-safe; allocates. Below a millisecond.
#pragma once

#include <cstddef>
#include <vector>

#include <terrace/result.h>

namespace terrace::wall {

/// Bytes of one kind: weights, experts, KV, ...
struct ByteClass {
  double resident = 0;  ///< bytes that need a place
  double read = 0;      ///< bytes of them that move in a step, evenly over the resident ones
};

struct TierRoom {
  double capacity = 0;          ///< bytes
  double bytes_per_second = 0;  ///< what decoding draws from it
  /// Tiers of one group are read at the same time, groups one after the other: the memory of a
  /// graphics processor and that of the cores, when each computes on its own.
  std::size_t group = 0;
};

struct Placement {
  double seconds = 0;                         ///< sum over groups of their slowest tier's time
  std::vector<std::vector<double>> resident;  ///< [class][tier], bytes
  std::vector<double> tier_seconds;           ///< each tier's own time
};

/// Minimises seconds; among equals, what uses the slower tiers less. Tiers fastest first. Error
/// kInfeasible: the classes' resident bytes exceed the tiers' capacity.
Result<Placement> place_bytes(const std::vector<ByteClass>& classes,
                              const std::vector<TierRoom>& tiers);

}  // namespace terrace::wall
