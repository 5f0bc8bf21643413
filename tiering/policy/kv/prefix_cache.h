// SPDX-License-Identifier: Apache-2.0
// The cached prefixes as a policy sees them: blocks by chain hash, each behind its parent. Looks up
// the longest cached prefix of a request, leases it, admits the rest and evicts by the policy.
// Heart of `terrace simulate kv`; the walk is docs/life-of-a-kv-block.md.
// A block may go only when nothing leases it and no cached block lies behind it: a child without
// its parent could never be hit, and its attention would read keys that are gone.
// Not thread-safe; allocates at construction only. O(1) a block and what the policy does.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "allocators/kv/chain_index.h"
#include "tiering/policy/kv/kv_policy.h"

namespace terrace::policy {

/// Is told of what enters and leaves; a model of tiers hangs here.
class KvObserver {
 public:
  virtual ~KvObserver() = default;
  virtual void inserted(KvSlot slot) = 0;
  virtual void hit(KvSlot slot) = 0;
  virtual void evicted(KvSlot slot) = 0;
};

struct KvServed {
  std::uint32_t hit_blocks = 0;     ///< of the longest cached prefix
  std::uint32_t leased_blocks = 0;  ///< those and what was admitted behind them
};

class PrefixCache {
 public:
  /// At least one slot. `policy` was made for as many; `observer` may be null and outlives this.
  PrefixCache(std::uint32_t slots, std::unique_ptr<kv::EvictionPolicy> policy,
              KvObserver* observer);

  /// Blocks of the longest prefix that is cached. Changes nothing.
  std::uint32_t longest_prefix(std::span<const ChainHash> blocks) const;

  /// A request begins: its prefix is leased, the rest admitted as far as the policy wants it.
  KvServed begin(std::span<const ChainHash> blocks);
  /// It ends: gives the first `leased_blocks` of its blocks back.
  void end(std::span<const ChainHash> blocks, std::uint32_t leased_blocks);

  std::uint32_t slots() const { return static_cast<std::uint32_t>(blocks_.size()); }
  std::uint32_t cached() const { return slots() - static_cast<std::uint32_t>(free_.size()); }
  bool contains(ChainHash hash) const { return index_.find(hash) != kv::ChainIndex::kNone; }

 private:
  struct Block {
    ChainHash hash = 0;
    KvSlot parent = kNoSlot;
    std::uint32_t children = 0;
    std::uint32_t leases = 0;
    bool idle() const { return children == 0 && leases == 0; }
  };

  KvSlot slot_for(std::uint32_t position);
  void evict(KvSlot slot);
  void lease(KvSlot slot);

  kv::ChainIndex index_;
  std::vector<Block> blocks_;
  std::vector<KvSlot> free_;
  std::unique_ptr<kv::EvictionPolicy> policy_;
  KvObserver* observer_;
  std::uint64_t requests_ = 0;
};

}  // namespace terrace::policy
