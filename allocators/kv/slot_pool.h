// SPDX-License-Identifier: Apache-2.0
// The free slots of one tier. The one that was given last is taken next: its memory is the
// likeliest to be in a core's cache. Where it stands: places.h has one for each tier. The cache's
// lock guards it, which whoever takes a slot holds anyway; allocates at construction only.
#pragma once

#include <cstdint>
#include <vector>

#include "allocators/kv/eviction_policy.h"

namespace terrace::kv {

class SlotPool {
 public:
  /// Slots 0 to slots - 1, all free; the lowest is taken first.
  explicit SlotPool(std::uint32_t slots) {
    free_.reserve(slots);
    for (KvSlot slot = slots; slot > 0; --slot) free_.push_back(slot - 1);
  }

  /// kNoSlot when none is free.
  KvSlot take() {
    if (free_.empty()) return kNoSlot;
    const KvSlot slot = free_.back();
    free_.pop_back();
    return slot;
  }
  /// The slot was taken before, and is given once.
  void give(KvSlot slot) { free_.push_back(slot); }

  std::uint32_t free() const { return static_cast<std::uint32_t>(free_.size()); }

 private:
  std::vector<KvSlot> free_;
};

}  // namespace terrace::kv
