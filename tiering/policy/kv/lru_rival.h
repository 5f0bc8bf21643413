// SPDX-License-Identifier: Apache-2.0
// LRU beside the policy `terrace`, over its records alone: what LRU would have hit, and whether to
// do as LRU does for a while because that would have hit more. Learnt rates can be wrong where LRU
// is nearly right, as with a load whose every trait says the same; then this bounds the loss.
// Not thread-safe; allocates at construction only. O(1) a block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiering/policy/kv/block_lists.h"

namespace terrace::policy {

class LruRival {
 public:
  /// LRU of `slots` blocks; a record's number is below `records`.
  LruRival(std::uint32_t slots, std::uint32_t records)
      : slots_(slots), order_(records, 1), inside_(records, 0) {}

  bool holds(std::uint32_t record) const { return inside_[record] != 0; }

  /// A request has used these records, first block first: of one request the deepest is the oldest.
  void used(std::span<const std::uint32_t> records);
  /// The record stands for nothing any more.
  void forget(std::uint32_t record);

  /// What the request's hits save, and what those of LRU would have: in blocks, or their cost. LRU
  /// leads when the sum of the difference is more than chance has it, for a while, and longer each
  /// time.
  void count(std::uint64_t request, double saved, double lru_saved);
  /// LRU was ahead lately: do as it does.
  bool leads() const { return leads_; }

 private:
  std::uint32_t slots_;
  BlockLists order_;  ///< of what it holds, least recent first
  std::vector<std::uint8_t> inside_;
  std::uint32_t held_ = 0;
  double ahead_ = 0;          ///< what `terrace` saved more, fading
  double ahead_squares_ = 0;  ///< of each request's
  std::uint64_t until_ = 0;   ///< while it leads: the request at which `terrace` tries again
  std::uint64_t period_ = 0;
  bool leads_ = false;
};

}  // namespace terrace::policy
