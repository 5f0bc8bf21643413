// SPDX-License-Identifier: Apache-2.0
// The machine as a policy sees it: tiers in order of speed and the engine's own rate. Made by
// tiering/simulate/machine_of.h from a topology, or by the tests.
// Plain values: thread-safe when not written; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace::policy {

/// A 2 MiB block of the workload, counted from 0 over all of its objects.
using BlockId = std::uint32_t;

struct Machine {
  std::vector<double> seconds_per_byte;        ///< 1 / bandwidth of each tier, fastest first
  std::vector<double> idle_latency_ns;         ///< of each tier
  std::vector<std::uint64_t> capacity_blocks;  ///< of each tier
  double engine_seconds_per_byte = 0;          ///< the engine's own time for a byte

  std::size_t tiers() const { return seconds_per_byte.size(); }
  /// What a byte that nothing overlaps costs on this tier: docs/model.md.
  double alone(std::size_t tier) const {
    return engine_seconds_per_byte > seconds_per_byte[tier] ? engine_seconds_per_byte
                                                            : seconds_per_byte[tier];
  }
};

/// An object: consecutive blocks. A pool's blocks come and go, the others exist throughout.
struct ObjectSpan {
  std::string name;
  BlockId first = 0;
  std::uint32_t count = 0;
};

/// Objects in the order of their blocks, without gaps.
struct Layout {
  std::vector<ObjectSpan> objects;

  std::uint32_t blocks() const {
    return objects.empty() ? 0 : objects.back().first + objects.back().count;
  }
  void add(std::string name, std::uint32_t count) {
    const BlockId first = blocks();
    objects.push_back({static_cast<std::string&&>(name), first, count});
  }
};

}  // namespace terrace::policy
