// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/store_index.h"

#include <algorithm>
#include <utility>

namespace terrace::kv {

StoreIndex::StoreIndex(std::uint32_t slots) : entries_(slots), nodes_(slots) {
  by_hash_.reserve(std::size_t{slots} + 1);
  free_.reserve(slots);
}

bool StoreIndex::may_go(const Entry& entry) const {
  return entry.use == Use::kLive && entry.children == 0 && entry.pins == 0;
}

template <typename Step>
void StoreIndex::change(StoreSlot slot, Step step) {
  Entry& entry = entries_[slot];
  if (may_go(entry)) nodes_[slot] = leaves_.extract({entry.last_use, slot});
  step(entry);
  if (!may_go(entry)) return;
  nodes_[slot].value() = {entry.last_use, slot};
  leaves_.insert(std::move(nodes_[slot]));
}

void StoreIndex::make_node(StoreSlot slot) {
  if (!nodes_[slot].empty()) return;
  Leaves one = {{0, slot}};
  nodes_[slot] = one.extract(one.begin());
}

void StoreIndex::adopt(StoreSlot slot, StoreSlot parent) {
  entries_[slot].parent = parent;
  if (parent != kNoStoreSlot) change(parent, [](Entry& entry) { ++entry.children; });
}

/// Out of the hashes and away from its parent; its own entry is the caller's.
void StoreIndex::forget(StoreSlot slot) {
  Entry& entry = entries_[slot];
  by_hash_.erase(entry.hash);
  if (entry.use == Use::kLive) --live_;
  const StoreSlot parent = entry.parent;
  entry.parent = kNoStoreSlot;
  if (parent != kNoStoreSlot) change(parent, [](Entry& above) { --above.children; });
}

StoreIndex::Place StoreIndex::take_slot() {
  if (!free_.empty()) {
    const StoreSlot slot = free_.back();
    free_.pop_back();
    return {slot, false};
  }
  if (leaves_.empty()) return {};
  const StoreSlot victim = leaves_.begin()->second;
  nodes_[victim] = leaves_.extract(leaves_.begin());
  forget(victim);
  return {victim, true};
}

StoreIndex::Place StoreIndex::reserve(ChainHash hash, StoreSlot parent) {
  if (!free_.empty()) make_node(free_.back());
  const auto named = by_hash_.emplace(hash, kNoStoreSlot).first;
  if (parent != kNoStoreSlot) pin(parent);
  const Place place = take_slot();
  if (parent != kNoStoreSlot) unpin(parent);
  if (place.slot == kNoStoreSlot) {
    by_hash_.erase(named);
    return place;
  }
  entries_[place.slot] = Entry{hash, ++clock_, kNoStoreSlot, 0, 0, Use::kReserved};
  named->second = place.slot;
  adopt(place.slot, parent);
  return place;
}

void StoreIndex::commit(StoreSlot slot) {
  change(slot, [](Entry& entry) { entry.use = Use::kLive; });
  ++live_;
}

bool StoreIndex::add_unverified(StoreSlot slot, ChainHash hash, std::uint64_t written) {
  make_node(slot);
  if (!by_hash_.emplace(hash, slot).second) return false;
  entries_[slot] = Entry{hash, written, kNoStoreSlot, 0, 0, Use::kUnverified};
  clock_ = std::max(clock_, written);
  return true;
}

StoreSlot StoreIndex::find(ChainHash hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? kNoStoreSlot : found->second;
}

StoreSlot StoreIndex::find_live(ChainHash hash) const {
  const StoreSlot slot = find(hash);
  return slot != kNoStoreSlot && use(slot) == Use::kLive ? slot : kNoStoreSlot;
}

void StoreIndex::touch(StoreSlot slot) {
  change(slot, [this](Entry& entry) { entry.last_use = ++clock_; });
}

void StoreIndex::pin(StoreSlot slot) {
  change(slot, [](Entry& entry) { ++entry.pins; });
}

void StoreIndex::unpin(StoreSlot slot) {
  change(slot, [](Entry& entry) { --entry.pins; });
  Entry& entry = entries_[slot];
  if (entry.use != Use::kDropped || entry.pins != 0) return;
  entry = Entry{};
  free_.push_back(slot);
}

/// Parents first. Reads all entries: a record is dropped when a disk or a memory fails.
std::vector<StoreSlot> StoreIndex::with_descendants(StoreSlot slot) const {
  std::vector<StoreSlot> found = {slot};
  for (std::size_t at = 0; at < found.size(); ++at) {
    if (entries_[found[at]].children == 0) continue;
    for (StoreSlot child = 0; child < entries_.size(); ++child) {
      if (entries_[child].parent == found[at]) found.push_back(child);
    }
  }
  return found;
}

std::vector<StoreSlot> StoreIndex::drop(StoreSlot slot) {
  std::vector<StoreSlot> dropped = with_descendants(slot);
  for (auto at = dropped.rbegin(); at != dropped.rend(); ++at) {
    change(*at, [](Entry& entry) { ++entry.pins; });
    forget(*at);
    entries_[*at].use = Use::kDropped;
  }
  return dropped;
}

}  // namespace terrace::kv
