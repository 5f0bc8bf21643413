// SPDX-License-Identifier: Apache-2.0
// The KV-cache: sequences over blocks, blocks over tiers, prefixes shared. What it promises its
// user is said in <terrace/kv.h>, whose functions call one method each; the walk through it is
// docs/life-of-a-kv-block.md. Parts, bottom up:
//   slot_pool.h, places.h   free slots of the tiers     chain_hash.h, chain_index.h  hash -> block
//   blocks.h     what is where, leased, cached, may go   copy_queue.h    copies on its own thread
//   moves.h      what is demoted and promoted            admission.h     who may come in
//   sequence.h   one sequence: tokens, blocks, table     prefix_store.h  kept over restarts
//   keeper.h     what the store gets, and when
// Thread-safe: calls on one sequence exclude each other by its own lock, calls on different ones
// run side by side. append() and written() take no lock of the cache unless a block ends. Allocates
// when a sequence begins, never in append().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <terrace/result.h>

#include "allocators/kv/eviction_policy.h"
#include "allocators/kv/shape.h"

namespace terrace::kv {

class PrefixStore;
class Sequence;
using SequenceRef = std::shared_ptr<Sequence>;
inline constexpr std::uint32_t kMaxTiers = 16;

/// Memory of one tier, mapped as long as the cache lives. The distance between two tiers' pools is
/// a multiple of the block's bytes, so that one number names a block of any tier.
struct TierPool {
  std::byte* at = nullptr;
  std::uint32_t blocks = 0;
};

struct CacheOptions {
  Shape shape;
  std::vector<TierPool> tiers;  ///< fastest first; one at least
  std::uint32_t max_sequences = 4096;
  /// The policy that says which block leaves a tier of so many blocks.
  std::function<std::unique_ptr<EvictionPolicy>(std::uint32_t blocks)> make_policy;
  PrefixStore* store = nullptr;  ///< outlives the cache; may be null
  std::uint64_t hash_seed = 0;   ///< the store's, where there is one
  /// Bits of the chain hashes that are used: fewer in tests, which want collisions.
  std::uint64_t hash_mask = ~std::uint64_t{0};
};

/// Why something was refused; the C API has a status for each.
enum class Refusal : std::uint8_t {
  kNone,
  kNoRoom,    ///< could not be kept beside what is promised already
  kLimit,     ///< the tenant's, or the number of sequences
  kArgument,  ///< beyond max_tokens, fewer written than before, no such block
  kBusy,      ///< not written yet
  kState,     ///< paused where it must run, or running where it must be paused
  kEnded,     ///< by another thread: what names it has gone as well
};

struct Outcome {
  /// Leaves the rest of the text unset: calls that succeed are many, and would clear it each time.
  Outcome() { text[0] = '\0'; }
  bool ok() const { return refusal == Refusal::kNone; }

  Refusal refusal = Refusal::kNone;
  char text[240];  ///< what, why, remedy
};

struct SequenceOptions {
  std::span<const Token> tokens;
  std::uint64_t max_tokens = 0;
  std::uint64_t salt = 0;
  std::uint32_t tenant = 0;
  std::int32_t priority = 0;
  bool shared = true;
};

inline constexpr std::uint64_t kNothingLost = ~std::uint64_t{0};

struct SequenceFacts {
  bool paused = false;
  std::uint64_t tokens = 0;
  std::uint64_t written_tokens = 0;
  std::uint64_t max_tokens = 0;
  std::uint64_t matched_tokens = 0;
  std::uint64_t lost_from = kNothingLost;
  std::uint32_t ready_layers = 0;
  std::uint32_t tenant = 0;
  std::uint64_t blocks = 0;
  std::uint64_t shared_blocks = 0;
  std::array<std::uint64_t, kMaxTiers> tier_blocks{};
};

struct CacheFacts {
  std::array<std::uint64_t, kMaxTiers> used_blocks{};
  std::array<std::uint64_t, kMaxTiers> cached_blocks{};
  std::array<std::uint64_t, kMaxTiers> hit_blocks{};
  std::uint64_t promised_blocks = 0;
  std::uint64_t sequences = 0;
  std::uint64_t paused_sequences = 0;
  std::uint64_t looked_up_blocks = 0;
  std::uint64_t store_hit_blocks = 0;
  std::uint64_t evicted_blocks = 0;
  std::uint64_t demoted_blocks = 0;
  std::uint64_t promoted_blocks = 0;
  std::uint64_t spilled_blocks = 0;
  std::uint64_t copied_blocks = 0;
  std::uint64_t refused_sequences = 0;
  std::uint64_t lost_blocks = 0;
  bool store_failed = false;  ///< nothing more is kept
  Nanoseconds waited;
  Nanoseconds prefetched;
};

struct Table {
  const std::uint32_t* entries = nullptr;
  std::uint64_t count = 0;
};

class Cache {
 public:
  /// kUsage with the reason for a shape or tiers that cannot be.
  static Result<std::unique_ptr<Cache>> create(CacheOptions options);
  /// Every sequence ends; with a store, what is cached is kept, for some seconds at most. No call
  /// is in it any more.
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Block i of a table is at base() + i * block_bytes.
  std::byte* base() const;
  const Shape& shape() const;

  Outcome begin(const SequenceOptions& options, SequenceRef& sequence);
  Outcome append(Sequence& sequence, std::span<const Token> tokens);
  Outcome written(Sequence& sequence, std::uint64_t tokens);
  Outcome table(Sequence& sequence, Table& table) const;
  Outcome wait_layer(Sequence& sequence, std::uint32_t layer);
  Outcome fork(Sequence& sequence, std::uint64_t max_tokens, SequenceRef& fork);
  /// The fork, which nobody has seen, ends, and the sequence is as it was before.
  void take_back(Sequence& sequence, Sequence& fork);
  Outcome truncate(Sequence& sequence, std::uint64_t tokens);
  Outcome pause(Sequence& sequence);
  Outcome resume(Sequence& sequence);
  Outcome prefetch(Sequence& sequence);
  Outcome end(Sequence& sequence);
  SequenceFacts facts(const Sequence& sequence) const;

  std::uint64_t match(std::span<const Token> tokens, std::uint64_t salt) const;
  void set_limit(std::uint32_t tenant, std::uint64_t blocks);
  void step();
  Outcome lose(const void* address);
  CacheFacts facts() const;
  /// Until nothing is under way: demotions, prefetches, writes to the store.
  void settle();

  struct State;  ///< cache_state.h

 private:
  explicit Cache(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace terrace::kv
