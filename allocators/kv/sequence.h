// SPDX-License-Identifier: Apache-2.0
// One sequence: its tokens, its blocks, and the table in which the server finds them.
// Where it stands: cache.cc's functions each lock it and change it. `lock` guards all of it but
// what never changes; it is taken before the cache's. Arrays are allocated when it begins to run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "allocators/kv/blocks.h"
#include "allocators/kv/cache.h"
#include "allocators/kv/cache_lock.h"

namespace terrace::kv {

enum class SequenceState : std::uint8_t {
  kRunning = 0,
  kPaused = 1,  ///< holds tokens alone
  kEnded = 2,
};

class Sequence : public std::enable_shared_from_this<Sequence> {
 public:
  mutable SequenceLock lock;

  // Never change.
  std::uint64_t id = 0;
  ChainRoot root;
  std::uint64_t max_tokens = 0;
  std::uint64_t cap = 0;  ///< blocks of max_tokens
  std::uint32_t tenant = 0;
  std::int32_t priority = 0;

  SequenceState state = SequenceState::kRunning;
  std::vector<Token> tokens;
  std::uint64_t written = 0;
  std::uint64_t matched = 0;
  std::vector<ChainHash> hashes;   ///< of the blocks that were full and written
  std::vector<BlockId> blocks;     ///< of its tokens, and some opened ahead of them
  std::unique_ptr<Place[]> table;  ///< cap entries
  bool own_tail = false;           ///< the last block, if it has room, is open and not shared
  std::uint64_t promised = 0;      ///< what admission counts for it
  std::vector<std::shared_ptr<CopyJob>> arrivals;
  ChainHash tail_hash = 0;  ///< of its last, not full block when it paused; 0: none was kept
  ChainRoot tail_root;
  std::size_t running_at = 0;  ///< in the cache's list; the cache's lock guards it
};

}  // namespace terrace::kv
