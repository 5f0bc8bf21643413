// SPDX-License-Identifier: Apache-2.0
// Keeps shared prefixes over restarts, in a pool of libpmemobj on persistent memory (DAX) or in a
// file. A record is one full block: its chain hash, its parent's, its tokens, its bytes, and a
// checksum over all of these. A record counts only from the instant that its state says so, which
// is the last thing written; so a crash at any instruction leaves records that are whole or not
// there. Where it stands: cache.h hands it blocks that are worth keeping and asks for them when a
// prefix is not in memory. The slots' bytes are mapped, so a record is read where it lies.
// Thread-safe. Allocates. Waits for storage: never called under a lock of the cache.
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

namespace terrace::kv {

struct StoreOptions {
  std::string path;
  Bytes size;                  ///< of a pool that is made; an existing one keeps its own
  Shape shape;                 ///< an existing pool of another shape is refused
  std::uint64_t identity = 0;  ///< of the model; an existing pool of another one is refused
};

struct StoredBlock {
  ChainHash hash = 0;
  ChainHash parent = 0;  ///< 0: it is a prompt's first block
  std::uint64_t salt = 0;
  std::uint32_t position = 0;       ///< in its prefix: 0 is the first block
  std::span<const Token> tokens;    ///< block_tokens of them
  std::span<const std::byte> data;  ///< block_bytes
};

struct StoreStats {
  std::uint64_t capacity_blocks = 0;
  std::uint64_t blocks = 0;    ///< that may be read
  std::uint64_t corrupt = 0;   ///< found out by their checksum, and dropped
  std::uint64_t torn = 0;      ///< not whole when the pool was opened: a crash while writing
  std::uint64_t written = 0;   ///< since the pool was opened
  std::uint64_t replaced = 0;  ///< of those, in the place of another record
  bool restoring = false;      ///< records are still being verified
};

class PrefixStore {
 public:
  /// Opens or makes the pool; records of an earlier run are verified on a thread of its own,
  /// parents first, and count from then on. Errors name path and remedy: no pool (foreign file),
  /// another layout version, shape or identity, cut short, in use by another process, no room.
  static Result<std::unique_ptr<PrefixStore>> open(const StoreOptions& options);
  ~PrefixStore();

  /// The seed of chain hashes, drawn when the pool was made: hashes of another seed mean nothing.
  std::uint64_t hash_seed() const;

  /// Keeps the block; when it returns it survives a crash. A full store replaces the record used
  /// longest ago that has no child in the store. False: it is kept already, or nothing may go.
  Result<bool> keep(const StoredBlock& block);
  bool contains(ChainHash hash) const;
  /// Calls `use` with the record, which stays where it is meanwhile, after its checksum was found
  /// right. kIo: it was wrong, and the record is dropped. nullopt: none of this hash.
  Result<std::optional<Unit>> read(ChainHash hash,
                                   const std::function<void(const StoredBlock&)>& use);
  /// Until the records of the earlier run have been verified.
  void wait_restored();
  StoreStats stats() const;

 private:
  struct State;
  explicit PrefixStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace terrace::kv
