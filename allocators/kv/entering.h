// SPDX-License-Identifier: Apache-2.0
// A sequence on its way in: begin, fork and resume lease, are promised, and count through it. When
// an allocation fails before the sequence is in, all of that goes back, and nothing was counted.
// Where it stands: cache_enter.cc makes one when admission has said yes, and changes nothing else
// of a sequence until run() has returned.
// The cache's lock is held as long as it lives, but for State::take_stored(), which opens it.
// Allocates, and throws std::bad_alloc.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "allocators/kv/cache_state.h"

namespace terrace::kv {

class Entering {
 public:
  /// The sequence holds no block, and its arrays are made.
  Entering(Cache::State& state, SequenceRef sequence, std::unique_lock<CacheLock>& held);
  ~Entering();
  Entering(const Entering&) = delete;
  Entering& operator=(const Entering&) = delete;

  /// Leases what was found of the hashes that were asked for.
  void take_found(std::span<const ChainHash> asked, std::span<const BlockId> found);
  void lease(std::span<const BlockId> blocks);
  /// Admission counts it from now on. What was found on slower tiers comes over as far as its
  /// promise, too, leaves room for moves.
  void admit(std::uint64_t promise);
  /// It runs, with its table, and all is counted.
  void run();

 private:
  Cache::State& state_;
  const SequenceRef sequence_;
  std::unique_lock<CacheLock>& held_;
  std::vector<BlockId> free_to_move_;
  std::uint64_t asked_ = 0;
  std::size_t found_ = 0;  ///< its first blocks
  std::array<std::uint64_t, kMaxTiers> hits_{};
  bool admitted_ = false;
  bool runs_ = false;
};

}  // namespace terrace::kv
