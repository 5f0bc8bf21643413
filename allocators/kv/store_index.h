// SPDX-License-Identifier: Apache-2.0
// What is in the prefix store, in memory: which slot has which hash, which record builds on which,
// who is being read, and who may go. Rebuilt from the records' heads when a pool is opened, so
// nothing of it is stored. Where it stands: prefix_store.cc holds its lock around each call.
// The last use is not stored either: after a restart records rank by when they were written, until
// they are used again.
// Not thread-safe. Allocates at construction and when a record is added, and drop() does: a lease
// that ends has nobody to tell that there is no memory.
#pragma once

#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "allocators/kv/shape.h"

namespace terrace::kv {

using StoreSlot = std::uint32_t;
inline constexpr StoreSlot kNoStoreSlot = ~StoreSlot{0};

class StoreIndex {
 public:
  explicit StoreIndex(std::uint32_t slots);

  enum class Use : std::uint8_t {
    kFree,
    kReserved,    ///< is being written
    kUnverified,  ///< of an earlier run, not verified yet
    kLive,
    kDropped,  ///< nobody finds it; free when its last reader has gone
  };

  /// A slot for a new record: a free one, else that of the least recently used leaf, which is gone
  /// then. Its parent's slot can no longer go. kNoStoreSlot: nothing may go. Throws std::bad_alloc,
  /// with nothing changed.
  struct Place {
    StoreSlot slot = kNoStoreSlot;
    bool replaces = false;
  };
  Place reserve(ChainHash hash, StoreSlot parent);
  void commit(StoreSlot slot);
  /// Found when the pool was opened. False: there is one of this hash already.
  bool add_unverified(StoreSlot slot, ChainHash hash, std::uint64_t written);
  /// Before it is verified, so that the parent cannot go.
  void adopt(StoreSlot slot, StoreSlot parent);
  /// A slot in which nothing was found.
  void add_free(StoreSlot slot) { free_.push_back(slot); }

  /// Live, or the record is being written or verified; kNoStoreSlot: none.
  StoreSlot find(ChainHash hash) const;
  StoreSlot find_live(ChainHash hash) const;
  Use use(StoreSlot slot) const { return entries_[slot].use; }
  StoreSlot parent(StoreSlot slot) const { return entries_[slot].parent; }

  /// Used now.
  void touch(StoreSlot slot);
  /// It stays until unpin().
  void pin(StoreSlot slot);
  void unpin(StoreSlot slot);
  /// Takes the record and all that build on it out. Each is pinned once more, until the caller has
  /// made sure that the pool says so too.
  std::vector<StoreSlot> drop(StoreSlot slot);

  std::uint64_t live() const { return live_; }

 private:
  struct Entry {
    ChainHash hash = 0;
    std::uint64_t last_use = 0;
    StoreSlot parent = kNoStoreSlot;
    std::uint32_t children = 0;
    std::uint32_t pins = 0;
    Use use = Use::kFree;
  };
  bool may_go(const Entry& entry) const;
  /// Does `step` to the record, which may be one that may go before or after.
  template <typename Step>
  void change(StoreSlot slot, Step step);
  void forget(StoreSlot slot);
  std::vector<StoreSlot> with_descendants(StoreSlot slot) const;
  Place take_slot();
  void make_node(StoreSlot slot);

  /// By last use.
  using Leaves = std::set<std::pair<std::uint64_t, StoreSlot>>;
  std::vector<Entry> entries_;
  std::unordered_map<ChainHash, StoreSlot> by_hash_;
  Leaves leaves_;                         ///< may go, least recently used first
  std::vector<Leaves::node_type> nodes_;  ///< by slot: its own, while it is no leaf
  std::vector<StoreSlot> free_;
  std::uint64_t clock_ = 0;
  std::uint64_t live_ = 0;
};

}  // namespace terrace::kv
