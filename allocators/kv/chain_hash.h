// SPDX-License-Identifier: Apache-2.0
// Chain hashes: a block's is one of its tokens and its parent's, so it names all tokens up to its
// end. XXH3 with a seed (Debian's libxxhash), some 10 to 20 bytes a nanosecond.
// It is only the way to a block: whoever finds one by it compares tokens and parent (blocks.h).
// Thread-safe, never allocates.
#pragma once

#include <cstdint>
#include <span>

#include "allocators/kv/shape.h"

namespace terrace::kv {

/// Whose chains they are. Equal tokens of different roots are different.
struct ChainRoot {
  std::uint64_t salt = 0;
  std::uint64_t owner = 0;  ///< 0: shared with everybody; else with the forks of that sequence
  bool operator==(const ChainRoot&) const = default;
};

class ChainHasher {
 public:
  /// `mask` keeps fewer bits, which brings collisions about in tests.
  explicit ChainHasher(std::uint64_t seed, std::uint64_t mask = ~std::uint64_t{0})
      : seed_(seed), mask_(mask) {}
  /// What stands for the parent of a first block.
  ChainHash root(const ChainRoot& root) const;
  ChainHash block(ChainHash parent, std::span<const Token> tokens) const;

 private:
  std::uint64_t seed_;
  std::uint64_t mask_;
};

}  // namespace terrace::kv
