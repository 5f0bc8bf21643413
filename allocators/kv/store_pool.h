// SPDX-License-Identifier: Apache-2.0
// The pool of libpmemobj under a prefix store: made, opened, checked, closed. Its root object names
// layout version, shape, identity, seed and segments, and is never written again. A pool is made
// beside its name and gets it when it is whole, so that a crash meanwhile leaves none by that name.
// Where it stands: prefix_store.cc opens it and keeps it open; store_records.h reads its segments.
// libpmemobj locks the file (flock) as long as it is mapped. Moves between threads; allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <terrace/result.h>

#include "allocators/kv/prefix_store.h"
#include "allocators/kv/store_records.h"

struct pmemobjpool;

namespace terrace::kv {

inline constexpr std::uint32_t kStoreVersion = 1;

class StorePool {
 public:
  /// Opens the pool, or makes it when nothing is at its path. Errors as PrefixStore::open.
  static Result<StorePool> open(const StoreOptions& options);

  std::byte* base() const { return reinterpret_cast<std::byte*>(pool_.get()); }
  Bytes size() const { return size_; }
  std::uint64_t seed() const { return seed_; }
  const std::vector<RecordSegment>& segments() const { return segments_; }

 private:
  struct Close {
    void operator()(pmemobjpool* pool) const;
  };
  using Handle = std::unique_ptr<pmemobjpool, Close>;
  StorePool(Handle pool, Bytes size) : pool_(std::move(pool)), size_(size) {}
  static Result<StorePool> open_existing(const StoreOptions& options);
  static Result<StorePool> make(const StoreOptions& options);
  static Status fill(const Handle& pool, const StoreOptions& options);
  Status read_root(const StoreOptions& options);

  Handle pool_;
  Bytes size_;
  std::uint64_t seed_ = 0;
  std::vector<RecordSegment> segments_;
};

}  // namespace terrace::kv
