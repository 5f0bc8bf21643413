// SPDX-License-Identifier: Apache-2.0
// What a prefix store is made of, shared by prefix_store.cc (the calls) and store_restore.cc (what
// an earlier run left). Locks: `writing` around all that stores into the pool, `mutex` around the
// index and the counters, always taken in this order; nothing waits for storage under `mutex`.
// Allocates.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "allocators/kv/prefix_store.h"
#include "allocators/kv/store_index.h"
#include "allocators/kv/store_pool.h"
#include "allocators/kv/store_records.h"

namespace terrace::kv {

struct PrefixStore::State {
  State(const StoreOptions& options, StorePool opened);
  ~State();

  /// Reads all heads; what is whole waits to be verified.
  Status scan();
  /// On its own thread, until all is verified or the store closes.
  void restore(std::vector<StoreSlot> slots);
  /// keep(), with `writing` held.
  Result<std::uint64_t> write(std::span<const StoredBlock> blocks);
  /// Takes the record and all that build on it out of index and pool. `writing` is held.
  Status drop(StoreSlot slot, std::uint64_t StoreStats::*counter);
  /// drain(), and no more writes when it fails.
  Status drain();

  const std::string path;
  const Shape shape;
  StorePool pool;
  std::unique_ptr<StoreMedium> medium;
  Records records;

  std::mutex writing;
  bool failed = false;             ///< the storage, once
  std::uint64_t next_written = 1;  ///< number of the next record

  mutable std::mutex mutex;
  StoreIndex index;
  StoreStats stats;
  std::condition_variable restored;
  std::atomic<bool> closing{false};
  std::thread restorer;

 private:
  std::vector<StoreSlot> take_stock();
  void find_parents(const std::vector<StoreSlot>& slots);
  bool parent_fits(StoreSlot slot) const;
  void restore_one(StoreSlot slot);
};

}  // namespace terrace::kv
