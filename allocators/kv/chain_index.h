// SPDX-License-Identifier: Apache-2.0
// Chain hash -> number, of fixed room: which block it is, which slot, or what is remembered of it.
// Open addressing with linear probing at half load or less, deletion by shifting back, so that
// nothing piles up and no look-up gets longer with time.
// Used by blocks.h, and by the policies and the replay's cache in tiering/policy/kv.
// Any number of threads may look up while nobody changes it; allocates at construction only. A
// look-up touches one or two cache lines.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "allocators/kv/shape.h"

namespace terrace::kv {

class ChainIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit ChainIndex(std::size_t most) : cells_(std::bit_ceil(2 * most + 2)) {
    shift_ = 64 - std::countr_zero(cells_.size());
  }

  /// kNone when it is not there.
  std::uint32_t find(ChainHash hash) const { return cells_[cell_of(hash)].value; }
  /// Fetches what find() will read.
  void expect(ChainHash hash) const { __builtin_prefetch(&cells_[home_of(hash)]); }
  /// `hash` is not in it, and there is room.
  void insert(ChainHash hash, std::uint32_t value) { cells_[cell_of(hash)] = {hash, value}; }
  /// `hash` is in it.
  void erase(ChainHash hash) {
    std::size_t hole = cell_of(hash);
    const std::size_t mask = cells_.size() - 1;
    for (std::size_t at = (hole + 1) & mask; cells_[at].value != kNone; at = (at + 1) & mask) {
      // What lies behind the hole and belongs at or before it moves in.
      if (((at - home_of(cells_[at].hash)) & mask) < ((at - hole) & mask)) continue;
      cells_[hole] = cells_[at];
      hole = at;
    }
    cells_[hole].value = kNone;
  }

 private:
  struct Cell {
    ChainHash hash = 0;
    std::uint32_t value = kNone;
  };

  // Fibonacci hashing (Knuth, TAOCP 3, 6.4): traces number their blocks from 0, and tests keep few
  // bits of a hash.
  std::size_t home_of(ChainHash hash) const {
    return static_cast<std::size_t>((hash * 0x9E3779B97F4A7C15u) >> shift_);
  }
  std::size_t cell_of(ChainHash hash) const {
    std::size_t at = home_of(hash);
    while (cells_[at].value != kNone && cells_[at].hash != hash)
      at = (at + 1) & (cells_.size() - 1);
    return at;
  }

  std::vector<Cell> cells_;
  int shift_ = 0;
};

}  // namespace terrace::kv
