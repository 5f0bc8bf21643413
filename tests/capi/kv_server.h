// SPDX-License-Identifier: Apache-2.0
// A server of the KV-cache's C API whose contents can be checked: what it writes for a token is
// made of all tokens up to it, so that a wrong block, or one of other tokens, reads wrong.
// Used by the C API's tests of the KV-cache. One thread a sequence.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <terrace/kv.h>

#include "tests/capi/machine.h"

namespace terrace::capi_test {

using Tokens = std::vector<terrace_token>;

inline constexpr std::uint32_t kBlockTokens = 4;
inline constexpr std::uint32_t kLayers = 3;
inline constexpr std::uint64_t kLayerBytes = 64;
inline constexpr std::uint64_t kBlockBytes = kLayers * kLayerBytes;

/// first, first + 1, ...
inline Tokens tokens_from(terrace_token first, std::size_t count) {
  Tokens tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

template <typename Info>
Info sized() {
  Info info{};
  info.struct_size = sizeof info;
  return info;
}

/// The two tiers of machine.h, as a context of its own.
class KvMachine {
 public:
  KvMachine() { EXPECT_EQ(open_machine(&context), TERRACE_OK) << terrace_last_error(); }
  ~KvMachine() { terrace_close(context); }
  KvMachine(const KvMachine&) = delete;
  KvMachine& operator=(const KvMachine&) = delete;

  std::uint64_t used(std::uint32_t tier) const {
    auto info = sized<terrace_tier_info>();
    EXPECT_EQ(terrace_get_tier(context, tier, &info), TERRACE_OK) << terrace_last_error();
    return info.used_bytes;
  }

  terrace_context context{};
};

struct KvWish {
  std::vector<std::uint64_t> blocks = {16, 24};  ///< of near, and of far if it is to be used
  const char* policy = "lru";
  std::uint32_t max_sequences = 0;
};

inline terrace_kv_options shape_options() {
  auto options = sized<terrace_kv_options>();
  options.block_tokens = kBlockTokens;
  options.layers = kLayers;
  options.layer_bytes = kLayerBytes;
  return options;
}

inline terrace_kv open_kv(terrace_context context, const KvWish& wish = {}) {
  static const char* const kTiers[] = {"near", "far"};
  terrace_kv_options options = shape_options();
  options.tier_count = static_cast<std::uint32_t>(wish.blocks.size());
  options.tiers = kTiers;
  options.tier_blocks = wish.blocks.data();
  options.policy = wish.policy;
  options.max_sequences = wish.max_sequences;
  terrace_kv cache{};
  EXPECT_EQ(terrace_kv_open(context, &options, &cache), TERRACE_OK) << terrace_last_error();
  return cache;
}

inline terrace_kv_info info_of(terrace_kv cache) {
  auto info = sized<terrace_kv_info>();
  EXPECT_EQ(terrace_kv_get(cache, &info), TERRACE_OK) << terrace_last_error();
  return info;
}
inline terrace_sequence_info info_of(terrace_sequence sequence) {
  auto info = sized<terrace_sequence_info>();
  EXPECT_EQ(terrace_sequence_get(sequence, &info), TERRACE_OK) << terrace_last_error();
  return info;
}

inline terrace_sequence_options begin_options(const Tokens& prompt, std::uint64_t max_tokens) {
  auto options = sized<terrace_sequence_options>();
  options.tokens = prompt.data();
  options.token_count = prompt.size();
  options.max_tokens = max_tokens;
  return options;
}

/// What the server makes of a token and all before it, of this salt.
inline std::vector<std::uint64_t> contents_of(std::span<const terrace_token> tokens,
                                              std::uint64_t salt) {
  std::vector<std::uint64_t> sums;
  std::uint64_t sum = salt * 2 + 1;
  for (const terrace_token token : tokens) {
    sum = (sum + static_cast<std::uint64_t>(token) + 1) * 0x9E3779B97F4A7C15u;
    sums.push_back(sum);
  }
  return sums;
}

/// Where the sequences' tokens are, read anew from the table at each call.
class KvServer {
 public:
  explicit KvServer(terrace_kv cache) : base_(static_cast<std::byte*>(info_of(cache).base)) {}

  void write(terrace_sequence sequence, std::span<const terrace_token> tokens, std::size_t from,
             std::uint64_t salt = 0) const {
    const auto sums = contents_of(tokens, salt);
    const auto table = table_of(sequence);
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      for (std::size_t i = from; i < tokens.size() && i / kBlockTokens < table.size(); ++i) {
        const std::uint64_t value = sums[i] * (layer + 1);
        std::memcpy(at(table, i, layer), &value, sizeof value);
      }
    }
  }
  /// Tokens whose contents are not what was written for these; all when the table is too short.
  std::size_t wrong(terrace_sequence sequence, std::span<const terrace_token> tokens,
                    std::uint64_t salt = 0) const {
    const auto sums = contents_of(tokens, salt);
    std::size_t bad = 0;
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      if (terrace_sequence_wait_layer(sequence, layer) != TERRACE_OK) return tokens.size() + 1;
      const auto table = table_of(sequence);
      if (table.size() * kBlockTokens < tokens.size()) return tokens.size() + 1;
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        std::uint64_t value = 0;
        std::memcpy(&value, at(table, i, layer), sizeof value);
        if (value != sums[i] * (layer + 1)) ++bad;
      }
    }
    return bad;
  }
  static std::span<const std::uint32_t> table_of(terrace_sequence sequence) {
    const std::uint32_t* entries = nullptr;
    std::uint64_t count = 0;
    if (terrace_sequence_table(sequence, &entries, &count) != TERRACE_OK) return {};
    return {entries, count};
  }
  std::byte* address(terrace_sequence sequence, std::size_t block) const {
    return base_ + table_of(sequence)[block] * kBlockBytes;
  }

 private:
  std::byte* at(std::span<const std::uint32_t> table, std::size_t token,
                std::uint32_t layer) const {
    return base_ + table[token / kBlockTokens] * kBlockBytes + layer * kLayerBytes +
           token % kBlockTokens * sizeof(std::uint64_t);
  }
  std::byte* base_;
};

/// Appended, written and said so.
inline void fill(const KvServer& server, terrace_sequence sequence, const Tokens& tokens,
                 std::size_t from) {
  ASSERT_EQ(terrace_sequence_append(sequence, tokens.data() + from, tokens.size() - from),
            TERRACE_OK)
      << terrace_last_error();
  server.write(sequence, tokens, from);
  ASSERT_EQ(terrace_sequence_written(sequence, tokens.size()), TERRACE_OK) << terrace_last_error();
}

inline terrace_sequence begin_filled(const KvServer& server, terrace_kv cache, const Tokens& tokens,
                                     std::uint64_t max_tokens) {
  const terrace_sequence_options options = begin_options(tokens, max_tokens);
  terrace_sequence sequence{};
  auto info = sized<terrace_sequence_info>();
  EXPECT_EQ(terrace_sequence_begin(cache, &options, &sequence, &info), TERRACE_OK)
      << terrace_last_error();
  fill(server, sequence, tokens, info.tokens);
  return sequence;
}

}  // namespace terrace::capi_test
