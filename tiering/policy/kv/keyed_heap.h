// SPDX-License-Identifier: Apache-2.0
// Slots in the order of a key, least first, each removable: what may be evicted, oldest first. A
// binary heap that knows where each slot is. Used by the list-like policies, whose order a plain
// list cannot keep: a parent becomes evictable later than its age would have it.
// Not thread-safe; allocates at construction only. O(log n).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tiering/policy/kv/kv_policy.h"

namespace terrace::policy {

class KeyedHeap {
 public:
  explicit KeyedHeap(std::uint32_t slots) : place_(slots, kNowhere) { heap_.reserve(slots); }

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  bool contains(KvSlot slot) const { return place_[slot] != kNowhere; }
  KvSlot least() const { return heap_.front().slot; }
  std::uint64_t least_key() const { return heap_.front().key; }

  /// The slot is not in it.
  void insert(KvSlot slot, std::uint64_t key) {
    heap_.push_back({key, slot});
    rise(heap_.size() - 1);
  }

  /// Nothing happens when it is not in it.
  void erase(KvSlot slot) {
    const std::uint32_t at = place_[slot];
    if (at == kNowhere) return;
    place_[slot] = kNowhere;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    heap_[at] = last;
    rise(at);
    sink(place_[last.slot]);
  }

 private:
  static constexpr std::uint32_t kNowhere = ~std::uint32_t{0};
  struct Entry {
    std::uint64_t key;
    KvSlot slot;
  };

  void put(std::size_t at, Entry entry) {
    heap_[at] = entry;
    place_[entry.slot] = static_cast<std::uint32_t>(at);
  }
  void rise(std::size_t at) {
    const Entry entry = heap_[at];
    while (at > 0 && entry.key < heap_[(at - 1) / 2].key) {
      put(at, heap_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    put(at, entry);
  }
  void sink(std::size_t at) {
    const Entry entry = heap_[at];
    for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
      if (child + 1 < heap_.size() && heap_[child + 1].key < heap_[child].key) ++child;
      if (heap_[child].key >= entry.key) break;
      put(at, heap_[child]);
      at = child;
    }
    put(at, entry);
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> place_;
};

/// Orders by request, and within one the deeper block first.
inline std::uint64_t request_key(std::uint64_t request, std::uint32_t position) {
  return (request << 32) | (~std::uint32_t{0} - position);
}

}  // namespace terrace::policy
