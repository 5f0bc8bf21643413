// SPDX-License-Identifier: Apache-2.0
// Where cached KV blocks lie when the cache spans two tiers: a new block and one that is hit go to
// the fast tier, the least recent of its blocks makes room. Counts hits by tier and moves for
// kv_replay.h, beside whatever policy decides what stays in the cache at all.
// Not thread-safe; allocates at construction only. O(1) a block.
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/policy/kv/block_lists.h"
#include "tiering/policy/kv/prefix_cache.h"

namespace terrace::simulate {

class KvTiers final : public policy::KvObserver {
 public:
  /// `fast_slots` of `slots` are on the fast tier.
  KvTiers(std::uint32_t slots, std::uint32_t fast_slots);

  void inserted(policy::KvSlot slot) override;
  void hit(policy::KvSlot slot) override;
  void evicted(policy::KvSlot slot) override;

  std::uint64_t hits_fast() const { return hits_fast_; }
  std::uint64_t hits_slow() const { return hits_slow_; }
  /// From one tier to the other, either way.
  std::uint64_t moves() const { return moves_; }

 private:
  void put_on_fast(policy::KvSlot slot);

  policy::BlockLists order_;  ///< of the fast tier's blocks, least recent first
  std::vector<std::uint8_t> on_fast_;
  std::uint32_t fast_slots_;
  std::uint32_t fast_used_ = 0;
  std::uint64_t hits_fast_ = 0;
  std::uint64_t hits_slow_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace terrace::simulate
