// SPDX-License-Identifier: Apache-2.0
// The KV-cache through kv.hpp: what its objects hold and end, and what is thrown or answered.
#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <terrace/kv.hpp>

#include "tests/capi/machine.h"

namespace terrace {
namespace {

static_assert(!std::is_copy_constructible_v<KvCache> && !std::is_copy_assignable_v<KvCache>);
static_assert(!std::is_copy_constructible_v<KvSequence> && !std::is_copy_assignable_v<KvSequence>);
static_assert(std::is_nothrow_move_constructible_v<KvCache>);
static_assert(std::is_nothrow_move_assignable_v<KvCache>);
static_assert(std::is_nothrow_move_constructible_v<KvSequence>);
static_assert(std::is_nothrow_move_assignable_v<KvSequence>);
static_assert(std::is_trivially_copyable_v<KvBlocks>);

constexpr std::uint32_t kBlockTokens = 16;
constexpr std::uint32_t kLayers = 3;
constexpr std::uint64_t kLayerBytes = 1024;

std::vector<terrace_token> prompt_of(std::size_t count, terrace_token first = 1) {
  std::vector<terrace_token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

/// What the failed call threw; TERRACE_OK: nothing.
template <typename Call>
terrace_status thrown_by(Call call) {
  try {
    call();
  } catch (const ApiError& error) {
    EXPECT_STRNE(error.what(), "");
    return error.status();
  }
  return TERRACE_OK;
}

class CxxKv : public testing::Test {
 protected:
  static Machine open() {
    terrace_options options{};
    options.tiers_file = tiers_file();
    return Machine(options);
  }
  KvCache open_cache(std::uint64_t near, std::uint64_t far) const {
    const std::array<KvPool, 2> pools{{{"near", near}, {"far", far}}};
    return {machine_, {.layers = kLayers, .layer_bytes = kLayerBytes, .pools = pools}};
  }
  /// A sequence with these tokens, whose blocks say which they are in each layer.
  static KvSequence compute(KvCache& cache, std::span<const terrace_token> tokens,
                            std::uint64_t most) {
    auto [sequence, at] = cache.begin({.tokens = tokens, .max_tokens = most});
    sequence.append(tokens.subspan(at.tokens));
    fill(cache, sequence, at.tokens / kBlockTokens);
    sequence.written(tokens.size());
    return std::move(sequence);
  }
  static void fill(const KvCache& cache, const KvSequence& sequence, std::size_t first) {
    const KvBlocks blocks = cache.blocks(kLayers);
    const std::span<const std::uint32_t> table = sequence.table();
    for (std::size_t i = first; i < table.size(); ++i) {
      for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
        std::ranges::fill(blocks.layer_as<std::uint32_t>(table[i], layer), mark(i, layer));
      }
    }
  }
  static bool holds_its_bytes(const KvCache& cache, const KvSequence& sequence) {
    const KvBlocks blocks = cache.blocks(kLayers);
    const std::span<const std::uint32_t> table = sequence.table();
    for (std::size_t i = 0; i < table.size(); ++i) {
      for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
        const auto values = blocks.layer_as<const std::uint32_t>(table[i], layer);
        if (values.size() != kLayerBytes / 4) return false;
        if (!std::ranges::all_of(values, [&](auto value) { return value == mark(i, layer); })) {
          return false;
        }
      }
    }
    return true;
  }
  static std::uint32_t mark(std::size_t block, std::uint32_t layer) {
    return static_cast<std::uint32_t>(block) * 100 + layer + 1;
  }
  static void TearDownTestSuite() { forget_machine(); }

  Machine machine_ = open();
};

TEST_F(CxxKv, SecondSequenceFindsThePrefixOfTheFirst) {
  KvCache cache = open_cache(64, 64);
  const std::vector<terrace_token> prompt = prompt_of(100);
  const KvSequence writer = compute(cache, prompt, 200);
  EXPECT_EQ(cache.match(prompt), 96);
  EXPECT_EQ(cache.match(prompt, 1), 0);
  auto [reader, at] = cache.begin({.tokens = prompt, .max_tokens = 200});
  EXPECT_EQ(at.tokens, 96);
  EXPECT_EQ(at.shared_blocks, 6);
  for (std::uint32_t layer = 0; layer < kLayers; ++layer) reader.wait_layer(layer);
  EXPECT_EQ(reader.table().size(), 6);
  EXPECT_TRUE(std::ranges::equal(reader.table(), writer.table().first(6)));
  EXPECT_TRUE(holds_its_bytes(cache, reader));
}

TEST_F(CxxKv, PrivateSequenceIsFoundByNobody) {
  KvCache cache = open_cache(64, 64);
  const std::vector<terrace_token> prompt = prompt_of(32);
  auto [sequence, at] =
      cache.begin({.tokens = prompt, .max_tokens = 32, .flags = TERRACE_SEQUENCE_PRIVATE});
  sequence.append(std::span(prompt).subspan(at.tokens));
  sequence.written(32);
  EXPECT_EQ(cache.match(prompt_of(33)), 0);
}

TEST_F(CxxKv, LayersOfABlockLieBehindEachOther) {
  KvCache cache = open_cache(8, 8);
  auto [sequence, at] = cache.begin({.max_tokens = 64});
  for (const terrace_token token : prompt_of(17)) sequence.append(token);
  ASSERT_EQ(sequence.table().size(), 2);
  const KvBlocks blocks = cache.blocks(kLayers);
  const std::uint32_t entry = sequence.table()[1];
  EXPECT_EQ(blocks.block(entry).size(), kLayers * kLayerBytes);
  EXPECT_EQ(blocks.block(entry).data(),
            static_cast<std::byte*>(cache.info().base) + entry * kLayers * kLayerBytes);
  EXPECT_EQ(blocks.layer(entry, 2).data(), blocks.block(entry).data() + 2 * kLayerBytes);
  EXPECT_EQ(blocks.layer(entry, 2).size(), kLayerBytes);
}

TEST_F(CxxKv, RefusalsAreAnsweredAndMistakesThrown) {
  KvCache cache = open_cache(4, 4);
  const KvAnswer<KvBegun> first = cache.try_begin({.max_tokens = 7 * kBlockTokens});
  ASSERT_TRUE(first);
  const KvAnswer<KvBegun> second = cache.try_begin({.max_tokens = 2 * kBlockTokens});
  EXPECT_FALSE(second);
  EXPECT_EQ(second.status, TERRACE_NO_ROOM);
  EXPECT_EQ(second.value.sequence.handle().id, 0);
  cache.set_limit(7, 0);
  EXPECT_EQ(cache.try_begin({.max_tokens = 1, .tenant = 7}).status, TERRACE_LIMIT);
  EXPECT_EQ(thrown_by([&] { (void)cache.begin({.max_tokens = 1, .tenant = 7}); }), TERRACE_LIMIT);
  EXPECT_EQ(thrown_by([&] { (void)cache.try_begin({.max_tokens = 0}); }), TERRACE_BAD_ARGUMENT);
  EXPECT_EQ(cache.info().refused_sequences, 3);
  EXPECT_EQ(cache.info().sequences, 1);
}

TEST_F(CxxKv, PausedSequenceGoesOnWhenThereIsRoom) {
  KvCache cache = open_cache(8, 8);
  const std::vector<terrace_token> prompt = prompt_of(40);
  KvSequence sequence = compute(cache, prompt, 48);
  sequence.pause();
  EXPECT_EQ(thrown_by([&] { sequence.append(1); }), TERRACE_BUSY);
  std::optional<KvBegun> other = cache.begin({.max_tokens = 14 * kBlockTokens});
  const KvAnswer<terrace_sequence_info> refused = sequence.try_resume();
  EXPECT_EQ(refused.status, TERRACE_NO_ROOM);
  EXPECT_EQ(thrown_by([&] { (void)sequence.resume(); }), TERRACE_NO_ROOM);
  EXPECT_EQ(sequence.info().paused, 1);
  other.reset();
  sequence.prefetch();
  const terrace_sequence_info at = sequence.resume();
  EXPECT_EQ(at.paused, 0);
  EXPECT_EQ(at.tokens, 40);
  sequence.wait_layer(kLayers - 1);
  cache.step();
  EXPECT_TRUE(holds_its_bytes(cache, sequence));
}

TEST_F(CxxKv, ForkCopiesTheLastBlockWhenItWritesThere) {
  KvCache cache = open_cache(8, 8);
  KvSequence sequence = compute(cache, prompt_of(40), 48);
  {
    KvSequence fork = sequence.fork(48);
    EXPECT_TRUE(std::ranges::equal(fork.table(), sequence.table()));
    fork.append(terrace_token{9});
    EXPECT_EQ(fork.table()[1], sequence.table()[1]);
    EXPECT_NE(fork.table()[2], sequence.table()[2]);
    EXPECT_TRUE(holds_its_bytes(cache, fork));
    fork.truncate(32);
    EXPECT_EQ(fork.info().tokens, 32);
  }
  EXPECT_EQ(sequence.try_fork(10000).status, TERRACE_NO_ROOM);
  EXPECT_EQ(cache.info().sequences, 1);
  EXPECT_EQ(cache.info().copied_blocks, 1);
}

TEST_F(CxxKv, LossIsToldToWhoHoldsTheBlock) {
  KvCache cache = open_cache(8, 8);
  const std::vector<terrace_token> prompt = prompt_of(40);
  KvSequence sequence = compute(cache, prompt, 48);
  EXPECT_EQ(sequence.info().lost_from, TERRACE_NOTHING_LOST);
  cache.lose(&cache.blocks(kLayers).layer(sequence.table()[1], 1)[5]);
  EXPECT_EQ(sequence.info().lost_from, kBlockTokens);
  sequence.truncate(kBlockTokens);
  sequence.append(std::span(prompt).subspan(kBlockTokens));
  fill(cache, sequence, 1);
  sequence.written(prompt.size());
  EXPECT_EQ(sequence.info().lost_from, TERRACE_NOTHING_LOST);
  EXPECT_TRUE(holds_its_bytes(cache, sequence));
  EXPECT_EQ(cache.info().lost_blocks, 1);
  EXPECT_EQ(thrown_by([&] { cache.lose(&cache); }), TERRACE_BAD_ARGUMENT);
}

TEST_F(CxxKv, AppendIsRefusedWhenLossesHaveTakenWhatWasPromised) {
  KvCache cache = open_cache(2, 2);
  KvSequence sequence = cache.begin({.max_tokens = 4 * kBlockTokens}).sequence;
  sequence.append(prompt_of(2 * kBlockTokens));
  cache.lose(cache.blocks(kLayers).block(sequence.table()[1]).data());
  EXPECT_EQ(sequence.info().lost_from, kBlockTokens);
  sequence.truncate(kBlockTokens);
  const std::vector<terrace_token> rest = prompt_of(3 * kBlockTokens);
  EXPECT_EQ(thrown_by([&] { sequence.append(rest); }), TERRACE_NO_ROOM);
  EXPECT_EQ(sequence.info().tokens, kBlockTokens);
  sequence.append(std::span(rest).first(2 * kBlockTokens));
  EXPECT_EQ(sequence.table().size(), 3);
}

TEST_F(CxxKv, SequencesEndWithTheirObjectsAndMovedFromOnesHoldNothing) {
  KvCache cache = open_cache(8, 8);
  {
    KvSequence first = cache.begin({.max_tokens = 16}).sequence;
    KvSequence second = std::move(first);
    first = cache.begin({.max_tokens = 16}).sequence;
    EXPECT_EQ(cache.info().sequences, 2);
    second.end();
    EXPECT_EQ(thrown_by([&] { second.end(); }), TERRACE_BAD_HANDLE);
    EXPECT_EQ(cache.info().sequences, 1);
  }
  EXPECT_EQ(cache.info().sequences, 0);
  KvCache other = std::move(cache);
  EXPECT_EQ(other.info().tier_blocks[1], 8);
  cache = open_cache(2, 2);
  EXPECT_EQ(cache.info().tier_blocks[1], 2);
}

TEST_F(CxxKv, SequenceMayOutliveItsCache) {
  KvSequence sequence;
  {
    KvCache cache = open_cache(8, 8);
    sequence = cache.begin({.max_tokens = 16}).sequence;
  }
  EXPECT_EQ(thrown_by([&] { sequence.append(1); }), TERRACE_BAD_HANDLE);
  EXPECT_EQ(machine_.tier("near").used_bytes, 0);
}

TEST_F(CxxKv, WithoutPoolsTheFastestTierHasTheBlocks) {
  const KvCache cache(machine_, {.layers = 1, .layer_bytes = 64, .blocks = 12, .policy = "lru"});
  EXPECT_EQ(cache.info().tier_count, 1);
  EXPECT_EQ(cache.info().tier_blocks[0], 12);
}

TEST_F(CxxKv, MorePoolsThanThereCanBeTiersAreRefused) {
  const std::vector<KvPool> pools(TERRACE_MAX_TIERS + 1, KvPool{"near", 1});
  const auto open = [&] { KvCache(machine_, {.layers = 1, .layer_bytes = 64, .pools = pools}); };
  EXPECT_EQ(thrown_by(open), TERRACE_BAD_ARGUMENT);
}

}  // namespace
}  // namespace terrace
