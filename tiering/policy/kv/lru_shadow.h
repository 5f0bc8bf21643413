// SPDX-License-Identifier: Apache-2.0
// What LRU would have, beside the policy `terrace` and over its records alone: one side of
// contest.h. Not thread-safe; allocates at construction only. O(1) a block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tiering/policy/kv/block_lists.h"

namespace terrace::policy {

class LruShadow {
 public:
  /// LRU of `slots` blocks; a record's number is below `records`.
  LruShadow(std::uint32_t slots, std::uint32_t records)
      : slots_(slots), order_(records, 1), inside_(records, 0) {}

  bool holds(std::uint32_t record) const { return inside_[record] != 0; }

  /// A request has used these records, first block first: of one request the deepest is the oldest.
  void used(std::span<const std::uint32_t> records);
  /// The record stands for nothing any more.
  void forget(std::uint32_t record);

 private:
  std::uint32_t slots_;
  BlockLists order_;  ///< of what it holds, least recent first
  std::vector<std::uint8_t> inside_;
  std::uint32_t held_ = 0;
};

}  // namespace terrace::policy
