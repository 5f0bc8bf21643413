// SPDX-License-Identifier: Apache-2.0
// A cache over plain memory, and a server that writes what can be checked: each layer's part of a
// token's K and V is made of all tokens up to it, so that a wrong block gives wrong contents.
// Used by the tests of allocators/kv. One thread a sequence.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "allocators/kv/cache.h"
#include "allocators/kv/prefix_store.h"
#include "tiering/policy/kv/kv_policy.h"

namespace terrace::kv {

inline constexpr std::uint32_t kRigTokens = 4;
inline constexpr std::uint32_t kRigLayers = 3;
inline constexpr std::uint64_t kRigLayerBytes = 64;
static_assert(kRigTokens * sizeof(std::uint64_t) <= kRigLayerBytes);

struct RigOptions {
  std::vector<std::uint32_t> tiers = {16};
  const char* policy = "lru";
  std::uint32_t max_sequences = 64;
  std::uint64_t hash_mask = ~std::uint64_t{0};
  /// In place of the policy of that name.
  std::function<std::unique_ptr<EvictionPolicy>(std::uint32_t slots)> make_policy = {};
  PrefixStore* store = nullptr;
};

class Rig {
  std::vector<std::byte> memory_;  // outlives the cache, which may write it to a store at its end

 public:
  explicit Rig(const RigOptions& with = {}) {
    CacheOptions options;
    options.shape = {kRigTokens, kRigLayers, Bytes(kRigLayerBytes)};
    const std::uint64_t block = options.shape.block_bytes().value;
    const std::uint64_t all = std::accumulate(with.tiers.begin(), with.tiers.end(), 0u);
    memory_.assign(all * block, std::byte{0xee});
    std::byte* at = memory_.data();
    for (const std::uint32_t blocks : with.tiers) {
      options.tiers.push_back({at, blocks});
      at += blocks * block;
    }
    options.max_sequences = with.max_sequences;
    options.hash_mask = with.hash_mask;
    const auto* const spec = policy::find_kv_policy(with.policy);
    const auto extent = with.tiers.size() > 1 ? policy::KvExtent::kTier : policy::KvExtent::kCache;
    options.make_policy = [spec, extent](std::uint32_t slots) {
      return spec->make({.slots = slots, .extent = extent});
    };
    if (with.make_policy) options.make_policy = with.make_policy;
    options.store = with.store;
    if (with.store != nullptr) options.hash_seed = with.store->hash_seed();
    auto made = Cache::create(std::move(options));
    EXPECT_TRUE(made.ok());
    cache = std::move(made.value());
  }

  SequenceRef begin(std::span<const Token> tokens, std::uint64_t max_tokens,
                    std::uint32_t tenant = 0) {
    SequenceOptions options;
    options.tokens = tokens;
    options.max_tokens = max_tokens;
    options.tenant = tenant;
    SequenceRef sequence;
    last = cache->begin(options, sequence);
    return sequence;
  }
  /// Appends and writes what follows `from`, and says so.
  void fill(Sequence& sequence, std::span<const Token> tokens, std::size_t from) {
    last = cache->append(sequence, tokens.subspan(from));
    ASSERT_TRUE(last.ok()) << last.text;
    write(sequence, tokens, from);
    last = cache->written(sequence, tokens.size());
    ASSERT_TRUE(last.ok()) << last.text;
  }
  void write(Sequence& sequence, std::span<const Token> tokens, std::size_t from) {
    const std::vector<std::uint64_t> sums = running_sums(tokens);
    for (std::uint32_t layer = 0; layer < kRigLayers; ++layer) {
      for (std::size_t i = from; i < tokens.size(); ++i) {
        const std::uint64_t value = sums[i] * (layer + 1);
        std::memcpy(address(sequence, i, layer), &value, sizeof value);
      }
    }
  }
  /// Tokens whose contents are not what was written for these.
  std::size_t wrong(Sequence& sequence, std::span<const Token> tokens) {
    const std::vector<std::uint64_t> sums = running_sums(tokens);
    std::size_t bad = 0;
    for (std::uint32_t layer = 0; layer < kRigLayers; ++layer) {
      EXPECT_TRUE(cache->wait_layer(sequence, layer).ok());
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::uint64_t value = 0;
        std::memcpy(&value, address(sequence, i, layer), sizeof value);
        if (value != sums[i] * (layer + 1)) ++bad;
      }
    }
    return bad;
  }
  std::byte* address(Sequence& sequence, std::size_t token, std::uint32_t layer) {
    Table table;
    EXPECT_TRUE(cache->table(sequence, table).ok());
    EXPECT_LT(token / kRigTokens, table.count);
    return cache->base() + table.entries[token / kRigTokens] * cache->shape().block_bytes().value +
           layer * kRigLayerBytes + (token % kRigTokens) * sizeof(std::uint64_t);
  }
  std::uint32_t entry(Sequence& sequence, std::size_t block) {
    Table table;
    EXPECT_TRUE(cache->table(sequence, table).ok());
    return table.entries[block];
  }

  std::unique_ptr<Cache> cache;
  Outcome last;

 private:
  static std::vector<std::uint64_t> running_sums(std::span<const Token> tokens) {
    std::vector<std::uint64_t> sums;
    std::uint64_t sum = 1;
    for (const Token token : tokens) {
      sum = (sum + static_cast<std::uint64_t>(token) + 1) * 0x9E3779B97F4A7C15u;
      sums.push_back(sum);
    }
    return sums;
  }
};

/// first, first + 1, ...
inline std::vector<Token> tokens_from(Token first, std::size_t count) {
  std::vector<Token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

}  // namespace terrace::kv
