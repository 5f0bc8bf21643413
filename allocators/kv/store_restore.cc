// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "allocators/kv/store_state.h"

namespace terrace::kv {

/// Slots with a whole record. The others are made empty, and are free.
std::vector<StoreSlot> PrefixStore::State::take_stock() {
  std::vector<StoreSlot> whole;
  for (StoreSlot slot = records.count(); slot-- > 0;) {
    const RecordState state = records.state(slot);
    const RecordHead& head = records.head(slot);
    if (state == RecordState::kWhole && index.add_unverified(slot, head.hash, head.written)) {
      whole.push_back(slot);
      next_written = std::max(next_written, head.written + 1);
      continue;
    }
    if (state == RecordState::kUnderWay) ++stats.torn;
    if (state != RecordState::kUnderWay && state != RecordState::kEmpty) ++stats.corrupt;
    if (state != RecordState::kEmpty) records.set_state(*medium, slot, RecordState::kEmpty);
    index.add_free(slot);
  }
  return whole;
}

void PrefixStore::State::find_parents(const std::vector<StoreSlot>& slots) {
  for (const StoreSlot slot : slots) {
    const RecordHead& head = records.head(slot);
    const StoreSlot parent = head.parent == 0 ? kNoStoreSlot : index.find(head.parent);
    if (parent != kNoStoreSlot && records.head(parent).position + 1 == head.position) {
      index.adopt(slot, parent);
    }
  }
}

Status PrefixStore::State::scan() {
  stats.capacity_blocks = records.count();
  stats.by_msync = medium->by_msync();
  std::vector<StoreSlot> slots = take_stock();
  if (Status drained = drain(); !drained) return drained;
  find_parents(slots);
  std::sort(slots.begin(), slots.end(), [this](StoreSlot a, StoreSlot b) {
    return std::tuple(records.head(a).position, a) < std::tuple(records.head(b).position, b);
  });
  stats.restoring = !slots.empty();
  if (stats.restoring) {
    restorer = std::thread([this, slots = std::move(slots)] { restore(slots); });
  }
  return ok_status();
}

bool PrefixStore::State::parent_fits(StoreSlot slot) const {
  const RecordHead& head = records.head(slot);
  if (head.parent == 0) return head.position == 0;
  const StoreSlot parent = index.parent(slot);
  return parent != kNoStoreSlot && index.use(parent) == StoreIndex::Use::kLive;
}

void PrefixStore::State::restore_one(StoreSlot slot) {
  {
    const std::lock_guard lock(mutex);
    if (index.use(slot) != StoreIndex::Use::kUnverified) return;
    index.pin(slot);
  }
  const bool right = records.verify(slot);
  {
    const std::lock_guard lock(mutex);
    const bool there = index.use(slot) == StoreIndex::Use::kUnverified;
    const bool fits = there && right && parent_fits(slot);
    if (fits) index.commit(slot);
    if (fits) ++stats.restored;
    index.unpin(slot);
    if (fits || !there) return;
  }
  const std::lock_guard lock(writing);
  // A failed drain() has been noted: the record may come back at the next start, and fail again.
  (void)drop(slot, right ? &StoreStats::orphans : &StoreStats::corrupt);
}

void PrefixStore::State::restore(std::vector<StoreSlot> slots) {
  for (const StoreSlot slot : slots) {
    if (closing.load(std::memory_order_relaxed)) break;
    restore_one(slot);
  }
  const std::lock_guard lock(mutex);
  stats.restoring = false;
  restored.notify_all();
}

}  // namespace terrace::kv
