// SPDX-License-Identifier: Apache-2.0
// The seam for eviction policies of the KV-cache: which block leaves a tier when room is needed,
// and whether a new one is worth a place. The cache (cache.h, and the replay's prefix_cache.h)
// keeps the rules that hold for every policy: blocks in use and blocks with a cached child are
// never offered as victims. A policy sees requests as they come, so it can use the past only.
// Policies stand in tiering/policy/kv. Not thread-safe. A policy allocates at construction only.
#pragma once

#include <cstdint>
#include <span>

#include "allocators/kv/shape.h"

namespace terrace::kv {

/// Place in the cache or tier that the policy looks after, from 0 to its capacity.
using KvSlot = std::uint32_t;
inline constexpr KvSlot kNoSlot = ~KvSlot{0};
/// Blocks of a request beyond these are not cached.
inline constexpr std::uint32_t kMostKvBlocks = 1u << 15;

struct KvRequest {
  std::uint64_t number = 0;           ///< requests before it
  std::span<const ChainHash> blocks;  ///< first to last
};

/// A block that was completed by an earlier request, or comes from another tier.
struct KvBlock {
  ChainHash hash = 0;
  ChainHash parent = 0;              ///< 0: it is a first block
  std::uint32_t position = 0;        ///< in its chain
  std::uint32_t request_blocks = 0;  ///< of the chain, as far as it is known
};

class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;

  /// A request begins: what it wants, cached or not.
  virtual void begin(const KvRequest& request) = 0;
  /// Block `position` of the request at hand got the slot.
  virtual void inserted(KvSlot slot, std::uint32_t position) = 0;
  /// Block `position` of the request at hand was found in the slot.
  virtual void touched(KvSlot slot, std::uint32_t position) = 0;
  /// May be evicted from now on: no lease, no cached child.
  virtual void released(KvSlot slot) = 0;
  /// May not be evicted any more.
  virtual void held(KvSlot slot) = 0;
  /// The slot whose block goes so that block `position` of the request at hand gets a place.
  /// kNoSlot: the new block is worth less than all of them, or none may go.
  virtual KvSlot victim_for(std::uint32_t position) = 0;
  /// The block left the slot, released or held.
  virtual void evicted(KvSlot slot) = 0;
  /// A block that is not of the request at hand got the slot; it is held until it is released.
  virtual void joined(KvSlot slot, const KvBlock& block) = 0;
  /// The released slot whose block is worth least; kNoSlot: none may go.
  virtual KvSlot least() = 0;
  /// Whether the block, which a faster tier has go, is worth at least as much as the one that
  /// least() names. False: it is dropped in place of that one.
  virtual bool wants(const KvBlock&) const { return true; }
};

}  // namespace terrace::kv
