// SPDX-License-Identifier: Apache-2.0
// The free slots of one tier: a stack that threads push to and pop from without a lock (R. K.
// Treiber, IBM RJ 5118, 1986). The head carries a count of its changes, so that a slot that was
// taken and given back meanwhile is not mistaken for the one that was read (ABA).
// Where it stands: places.h has one for each tier. Thread-safe; allocates at construction only.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "allocators/kv/eviction_policy.h"

namespace terrace::kv {

class SlotPool {
 public:
  /// Slots 0 to slots - 1, all free; the lowest is taken first.
  explicit SlotPool(std::uint32_t slots) : next_(slots), free_(slots) {
    for (std::uint32_t i = 0; i < slots; ++i) {
      next_[i].store(i + 1 < slots ? i + 1 : kNoSlot, std::memory_order_relaxed);
    }
    head_.store(slots > 0 ? 0 : kNoSlot, std::memory_order_relaxed);
  }

  /// kNoSlot when none is free.
  KvSlot take() {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    while (slot_of(head) != kNoSlot) {
      const KvSlot next = next_[slot_of(head)].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, changed(head, next), std::memory_order_acquire)) {
        free_.fetch_sub(1, std::memory_order_relaxed);
        return slot_of(head);
      }
    }
    return kNoSlot;
  }

  /// The slot was taken before, and is given once.
  void give(KvSlot slot) {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    do {
      next_[slot].store(slot_of(head), std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, changed(head, slot), std::memory_order_release,
                                          std::memory_order_relaxed));
    free_.fetch_add(1, std::memory_order_relaxed);
  }

  /// Exact when nobody takes or gives just now.
  std::uint32_t free() const { return free_.load(std::memory_order_relaxed); }

 private:
  static KvSlot slot_of(std::uint64_t head) { return static_cast<KvSlot>(head); }
  static std::uint64_t changed(std::uint64_t head, KvSlot slot) {
    return ((head >> 32) + 1) << 32 | slot;
  }

  std::vector<std::atomic<KvSlot>> next_;
  alignas(64) std::atomic<std::uint64_t> head_;
  std::atomic<std::uint32_t> free_;
};

}  // namespace terrace::kv
