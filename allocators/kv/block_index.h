// SPDX-License-Identifier: Apache-2.0
// Chain hash -> block, of fixed room: open addressing with linear probing at half load or less,
// deletion by shifting back, so that nothing piles up and no look-up gets longer with time.
// Used by blocks.h. Any number of threads may look up while nobody changes it (the cache's lock,
// shared); allocates at construction only. A look-up touches one or two cache lines.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "allocators/kv/shape.h"

namespace terrace::kv {

using BlockId = std::uint32_t;
inline constexpr BlockId kNoBlock = ~BlockId{0};

class BlockIndex {
 public:
  explicit BlockIndex(std::size_t most) : cells_(std::bit_ceil(2 * most + 2)) {
    shift_ = 64 - std::countr_zero(cells_.size());
  }

  /// kNoBlock when it is not there.
  BlockId find(ChainHash hash) const { return cells_[cell_of(hash)].block; }
  /// Fetches what find() will read.
  void expect(ChainHash hash) const { __builtin_prefetch(&cells_[home_of(hash)]); }
  /// `hash` is not in it, and there is room.
  void insert(ChainHash hash, BlockId block) { cells_[cell_of(hash)] = {hash, block}; }
  /// `hash` is in it.
  void erase(ChainHash hash) {
    std::size_t hole = cell_of(hash);
    const std::size_t mask = cells_.size() - 1;
    for (std::size_t at = (hole + 1) & mask; cells_[at].block != kNoBlock; at = (at + 1) & mask) {
      // What lies behind the hole and belongs at or before it moves in.
      if (((at - home_of(cells_[at].hash)) & mask) < ((at - hole) & mask)) continue;
      cells_[hole] = cells_[at];
      hole = at;
    }
    cells_[hole].block = kNoBlock;
  }

 private:
  struct Cell {
    ChainHash hash = 0;
    BlockId block = kNoBlock;
  };

  // Fibonacci hashing (Knuth, TAOCP 3, 6.4), for hashes of which few bits are kept.
  std::size_t home_of(ChainHash hash) const {
    return static_cast<std::size_t>((hash * 0x9E3779B97F4A7C15u) >> shift_);
  }
  std::size_t cell_of(ChainHash hash) const {
    std::size_t at = home_of(hash);
    while (cells_[at].block != kNoBlock && cells_[at].hash != hash)
      at = (at + 1) & (cells_.size() - 1);
    return at;
  }

  std::vector<Cell> cells_;
  int shift_ = 0;
};

}  // namespace terrace::kv
