// SPDX-License-Identifier: Apache-2.0
// The seam for eviction policies of the KV-cache: which block of a shared prefix goes when room is
// needed, and whether a new one is worth a place. prefix_cache.h calls it and keeps the rules that
// hold for every policy: leased blocks and blocks with a cached child are never offered as victims.
// A policy sees requests as they come, so it can use the past only; `opt` is handed the future.
// Not thread-safe. A policy allocates at construction only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace terrace::policy {

/// Names all tokens up to the block's end: equal hashes mean equal prefixes.
using ChainHash = std::uint64_t;
/// Place in the cache, from 0 to its capacity.
using KvSlot = std::uint32_t;
inline constexpr KvSlot kNoSlot = ~KvSlot{0};
/// Blocks of a request beyond these are not cached.
inline constexpr std::uint32_t kMostKvBlocks = 1u << 15;

struct KvRequest {
  std::uint64_t number = 0;           ///< requests before it
  std::span<const ChainHash> blocks;  ///< first to last
};

class KvPolicy {
 public:
  virtual ~KvPolicy() = default;

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
  /// The block left the slot. It was released before.
  virtual void evicted(KvSlot slot) = 0;
};

/// For each block of each request in order, the number of the next request that wants it.
using KvFuture = std::vector<std::uint32_t>;
inline constexpr std::uint32_t kNeverAgain = ~std::uint32_t{0};

struct KvPolicySpec {
  std::string_view name;
  std::string_view summary;
  /// `future` is what `opt` needs; the others do not look at it.
  std::unique_ptr<KvPolicy> (*make)(std::uint32_t slots, std::shared_ptr<const KvFuture> future);
  bool needs_future = false;
};

/// In the order in which they are compared.
std::span<const KvPolicySpec> kv_policies();
/// nullptr when there is none of that name.
const KvPolicySpec* find_kv_policy(std::string_view name);

}  // namespace terrace::policy
