// SPDX-License-Identifier: Apache-2.0
// Keeps shared prefixes over restarts, in a pool of libpmemobj on persistent memory (fsdax) or in a
// file. A record is one full block: its chain hash, its parent's, its tokens, its bytes, and a
// checksum over all of these. A record counts only from the instant that its state says so, which
// is the last thing written; so a crash at any instruction leaves records that are whole or not
// there. Where it stands: cache.h hands it blocks that are worth keeping and asks for them when a
// prefix is not in memory. Parts, bottom up:
//   store_medium.h   stores that last          store_records.h  what a record is in the pool
//   store_pool.h     the pool and its places   store_index.h    what is where, and who may go
// The records' bytes are mapped, so a record is read where it lies.
// Thread-safe. Allocates. Waits for storage, matches() for a record's page perhaps: never called
// under a lock of the cache, except contains() and touch(), which look into memory only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <terrace/result.h>

#include "allocators/kv/shape.h"
#include "allocators/kv/store_medium.h"

namespace terrace::kv {

struct StoreOptions {
  std::string path;
  Bytes size;                  ///< of a pool that is made; an existing one keeps its own
  Shape shape;                 ///< an existing pool of another shape is refused
  std::uint64_t identity = 0;  ///< of the model; an existing pool of another one is refused
  MakeMedium make_medium;      ///< null: that of the pool's memory
};

struct StoredBlock {
  ChainHash hash = 0;
  ChainHash parent = 0;             ///< 0: it is a prompt's first block
  std::uint64_t salt = 0;           ///< sets apart chains of equal hashes, too: see cache_store.cc
  std::uint32_t position = 0;       ///< in its prefix: 0 is the first block
  std::span<const Token> tokens;    ///< block_tokens of them
  std::span<const std::byte> data;  ///< block_bytes
};

struct StoreStats {
  std::uint64_t capacity_blocks = 0;
  std::uint64_t blocks = 0;     ///< that may be read
  std::uint64_t corrupt = 0;    ///< found out by their checksum or state, and dropped
  std::uint64_t orphans = 0;    ///< dropped since their parent was
  std::uint64_t forgotten = 0;  ///< by forget()
  std::uint64_t torn = 0;       ///< not whole when the pool was opened: a crash while writing
  std::uint64_t restored = 0;   ///< of an earlier run, verified
  std::uint64_t written = 0;    ///< since the pool was opened
  std::uint64_t replaced = 0;   ///< of those, in the place of another record
  bool restoring = false;       ///< records are still being verified
  bool by_msync = false;        ///< a plain file: each keep waits for the file system
};

class PrefixStore {
  struct State;

 public:
  /// A record that stays where it is, and as it is, as long as this lives; not longer than the
  /// store. Its checksum was right when the lease was taken.
  class Lease {
   public:
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();
    const StoredBlock& block() const { return block_; }

   private:
    friend class PrefixStore;
    Lease(State* store, std::uint32_t slot, const StoredBlock& block)
        : store_(store), slot_(slot), block_(block) {}
    void release();

    State* store_;
    std::uint32_t slot_;
    StoredBlock block_;
  };

  /// Opens or makes the pool; records of an earlier run are verified on a thread of its own,
  /// parents first, and count from then on. Errors name path and remedy. kCheckFailed: not a pool
  /// of ours (foreign, damaged, cut short), or of another layout version, shape or identity;
  /// kUsage: no possible shape, or no room for one block in `size`; kIo: in use elsewhere
  /// (EWOULDBLOCK), no room on the file system, no right.
  static Result<std::unique_ptr<PrefixStore>> open(const StoreOptions& options);
  /// No call is in it any more, and no lease is left.
  ~PrefixStore();

  /// The seed of chain hashes, drawn when the pool was made: hashes of another seed mean nothing.
  std::uint64_t hash_seed() const;

  /// Keeps blocks, parents before their children; when it returns they survive a crash. How many
  /// are new: one that is kept already, whose parent is not kept, or for which nothing may go is
  /// left out. A full store replaces the record used longest ago that has no child in the store.
  /// On a file all blocks of a call share three waits for the file system, so many at once are
  /// cheaper. kUsage: a block of another shape; kIo: the storage failed, and nothing more is
  /// written from then on.
  Result<std::uint64_t> keep(std::span<const StoredBlock> blocks);
  bool contains(ChainHash hash) const;
  /// contains(), and it counts as used now.
  bool touch(ChainHash hash);
  /// The record, with all that build on it, is there no more. A failing storage is noted.
  void forget(ChainHash hash);
  /// There is a record of this hash, and parent, salt, position and tokens are these too. `data` is
  /// not looked at.
  bool matches(const StoredBlock& block) const;
  /// The record, verified: all its bytes are read. kCheckFailed: its checksum was wrong; it is
  /// dropped, with all that build on it. nullopt: none of this hash.
  Result<std::optional<Lease>> lease(ChainHash hash);
  /// Until the records of the earlier run have been verified.
  void wait_restored();
  StoreStats stats() const;

 private:
  explicit PrefixStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace terrace::kv
