// SPDX-License-Identifier: Apache-2.0
// The mechanism that a context works with, as the runtime of the preload shim has it: arena,
// capacity, extents, links, pools of DAX blocks and the exchange of pages. Its user's lock
// serialises it. Allocates when it is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <terrace/topology.h>

#include "allocators/extent/exchange.h"
#include "allocators/extent/tiered_extent.h"

namespace terrace::capi {

struct Memory {
  Topology topology;  ///< usable tiers, 16 at most
  extent::Arena arena;
  extent::Capacity capacity;
  extent::TieredExtents extents;
  extent::Exchange exchange;
  backing::LinkEngine links;
  backing::BlockPool pools[extent::kMaxTiers];
  std::vector<os::NodeMask> nodes;  ///< by tier
  Error no_exchange;                ///< why exchange is not possible

  std::uint32_t tier_count() const { return static_cast<std::uint32_t>(topology.tiers.size()); }
  bool is_shared(std::uint32_t tier) const {
    return extents.is_shared(static_cast<std::uint8_t>(tier));
  }
  /// The tier of these nodes; nothing has kMaxTiers.
  std::uint32_t tier_of_node(std::uint32_t node) const;

  static Result<std::unique_ptr<Memory>> open(Topology topology);
  /// Every object is gone. The engine of emulated links cannot be stopped: a memory that has one
  /// keeps its address space, its thread and itself.
  static void close(std::unique_ptr<Memory> memory);
};

}  // namespace terrace::capi
