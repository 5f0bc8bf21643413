// SPDX-License-Identifier: Apache-2.0
// Blocks with a content that follows from their place in a chain, so that a wrong byte shows, and
// a folder for pools. For the tests of the prefix store.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "allocators/kv/prefix_store.h"
#include "tests/temporary_folder.h"

namespace terrace::kv::testing_support {

inline constexpr Shape kSmall{16, 4, Bytes(256)};  // blocks of 1 KiB
inline constexpr std::uint64_t kIdentity = 0x1de7;

class Folder : public terrace::testing_support::TemporaryFolder {
 public:
  using TemporaryFolder::TemporaryFolder;
  std::string file(const std::string& name = "prefixes") const { return in(name); }
};

inline std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
  return x ^ (x >> 32);
}

/// Of block `position` of a chain; never 0.
inline ChainHash hash_of(std::uint64_t chain, std::uint32_t position) {
  return mixed(chain * 65536 + position + 1) | 1;
}

/// A block and what it stands on. `generation` makes other contents under the same hash.
struct OwnedBlock {
  OwnedBlock(const Shape& shape, std::uint64_t chain, std::uint32_t position,
             std::uint64_t generation = 0)
      : tokens(shape.block_tokens), data(shape.block_bytes().value / 8) {
    const std::uint64_t seed = hash_of(chain, position) + generation;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = static_cast<Token>(mixed(seed + i) >> 33);
    }
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = mixed(seed * 3 + i);
    block.hash = hash_of(chain, position);
    block.parent = position == 0 ? 0 : hash_of(chain, position - 1);
    block.salt = chain;
    block.position = position;
    block.tokens = tokens;
    block.data = std::as_bytes(std::span(data));
  }
  OwnedBlock(OwnedBlock&&) = default;
  OwnedBlock(const OwnedBlock&) = delete;

  std::vector<Token> tokens;
  std::vector<std::uint64_t> data;
  StoredBlock block;
};

/// Blocks [from, to) of a chain.
struct Chain {
  Chain(const Shape& shape, std::uint64_t chain, std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t position = from; position < to; ++position) {
      owned.emplace_back(shape, chain, position);
      blocks.push_back(owned.back().block);
    }
  }
  std::vector<OwnedBlock> owned;
  std::vector<StoredBlock> blocks;
};

inline bool same(const StoredBlock& a, const StoredBlock& b) {
  return a.hash == b.hash && a.parent == b.parent && a.salt == b.salt && a.position == b.position &&
         std::equal(a.tokens.begin(), a.tokens.end(), b.tokens.begin(), b.tokens.end()) &&
         std::equal(a.data.begin(), a.data.end(), b.data.begin(), b.data.end());
}

/// There is a record of the block, and it says what was kept.
inline bool holds(PrefixStore& store, const Shape& shape, std::uint64_t chain,
                  std::uint32_t position) {
  const OwnedBlock wanted(shape, chain, position);
  auto lease = store.lease(wanted.block.hash);
  if (!lease) {
    ADD_FAILURE() << lease.error().message;
    return false;
  }
  if (!*lease) return false;
  EXPECT_TRUE(same((*lease)->block(), wanted.block)) << "chain " << chain << " block " << position;
  return true;
}

inline StoreOptions options_for(const std::string& path, Bytes size = MiB(16),
                                const Shape& shape = kSmall) {
  StoreOptions options;
  options.path = path;
  options.size = size;
  options.shape = shape;
  options.identity = kIdentity;
  return options;
}

inline std::unique_ptr<PrefixStore> opened(const StoreOptions& options) {
  auto store = PrefixStore::open(options);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    return nullptr;
  }
  (*store)->wait_restored();
  return std::move(*store);
}

inline std::uint64_t keep(PrefixStore& store, const std::vector<StoredBlock>& blocks) {
  const auto kept = store.keep(blocks);
  EXPECT_TRUE(kept) << kept.error().message;
  return kept ? *kept : 0;
}

}  // namespace terrace::kv::testing_support
