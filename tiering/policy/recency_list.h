// SPDX-License-Identifier: Apache-2.0
// Blocks in an order that is changed in constant time: a doubly linked list over an array, one link
// pair a block. A block is in at most one list of those that share an array of links.
// Used by lru.cc and hint_fault.cc. Not thread-safe; the links allocate on construction.
#pragma once

#include <cstdint>
#include <vector>

#include "tiering/policy/machine.h"

namespace terrace::policy {

inline constexpr BlockId kNoBlock = UINT32_MAX;

struct RecencyLinks {
  struct Link {
    BlockId newer = kNoBlock;
    BlockId older = kNoBlock;
  };
  explicit RecencyLinks(std::uint32_t blocks) : links(blocks) {}
  std::vector<Link> links;
};

class RecencyList {
 public:
  explicit RecencyList(RecencyLinks& links) : links_(links) {}

  std::uint64_t size() const { return size_; }
  /// kNoBlock when empty.
  BlockId oldest() const { return oldest_; }
  BlockId newer_than(BlockId block) const { return links_.links[block].newer; }

  void push_newest(BlockId block) {
    RecencyLinks::Link& link = links_.links[block];
    link.newer = kNoBlock;
    link.older = newest_;
    if (newest_ != kNoBlock) links_.links[newest_].newer = block;
    newest_ = block;
    if (oldest_ == kNoBlock) oldest_ = block;
    ++size_;
  }

  /// The block must be in this list.
  void remove(BlockId block) {
    const RecencyLinks::Link link = links_.links[block];
    (link.newer == kNoBlock ? newest_ : links_.links[link.newer].older) = link.older;
    (link.older == kNoBlock ? oldest_ : links_.links[link.older].newer) = link.newer;
    --size_;
  }

  void make_newest(BlockId block) {
    if (block == newest_) return;
    remove(block);
    push_newest(block);
  }

 private:
  RecencyLinks& links_;
  BlockId newest_ = kNoBlock;
  BlockId oldest_ = kNoBlock;
  std::uint64_t size_ = 0;
};

}  // namespace terrace::policy
