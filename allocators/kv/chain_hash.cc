// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/chain_hash.h"

#include <xxhash.h>

namespace terrace::kv {

ChainHash ChainHasher::root(const ChainRoot& root) const {
  const std::uint64_t words[] = {root.salt, root.owner};
  return XXH3_64bits_withSeed(words, sizeof words, seed_);
}

ChainHash ChainHasher::block(ChainHash parent, std::span<const Token> tokens) const {
  const ChainHash hash =
      XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), seed_ ^ parent) & mask_;
  return hash != 0 ? hash : 1;  // 0 says that there is none
}

std::vector<ChainHash> ChainHasher::blocks(const ChainRoot& root, std::span<const Token> tokens,
                                           std::size_t block_tokens) const {
  std::vector<ChainHash> hashes(tokens.size() / block_tokens);
  ChainHash parent = this->root(root);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    parent = hashes[i] = block(parent, tokens.subspan(i * block_tokens, block_tokens));
  }
  return hashes;
}

}  // namespace terrace::kv
