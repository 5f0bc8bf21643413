// SPDX-License-Identifier: Apache-2.0
// Chain hashes: a block's is one of its tokens and its parent's, so it names all tokens up to its
// end. XXH3 with a seed (Debian's libxxhash), some 10 to 20 bytes a nanosecond.
// It is only the way to a block: whoever finds one by it compares tokens and parent (blocks.h).
// Thread-safe. blocks() allocates, nothing else does.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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
  /// Of the full blocks of these tokens.
  std::vector<ChainHash> blocks(const ChainRoot& root, std::span<const Token> tokens,
                                std::size_t block_tokens) const;
  /// By another seed, all bits: chains that are one to this hasher are two to that.
  ChainHasher second() const { return ChainHasher(seed_ ^ kOtherSeed); }

 private:
  static constexpr std::uint64_t kOtherSeed = 0xc2b2ae3d27d4eb4fu;

  std::uint64_t seed_;
  std::uint64_t mask_;
};

}  // namespace terrace::kv
