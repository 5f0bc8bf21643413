// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/cache.h"

#include "tests/unit/kv/rig.h"

namespace terrace::kv {
namespace {

using Tokens = std::vector<Token>;

TEST(KvCache, SharesFullWrittenBlocksWithTheSamePrefix) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 10);
  const SequenceRef first = rig.begin(tokens, 12);
  EXPECT_EQ(rig.cache->facts(*first).tokens, 0u);
  rig.fill(*first, tokens, 0);
  const SequenceRef second = rig.begin(tokens, 12);
  EXPECT_EQ(rig.cache->facts(*second).matched_tokens, 8u);
  EXPECT_EQ(rig.cache->facts(*second).shared_blocks, 2u);
  EXPECT_EQ(rig.wrong(*second, std::span(tokens).first(8)), 0u);
}

TEST(KvCache, LeavesOneTokenAtLeastToCompute) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 8);
  rig.fill(*rig.begin(tokens, 8), tokens, 0);
  EXPECT_EQ(rig.cache->match(tokens, 0), 4u);
  EXPECT_EQ(rig.cache->facts(*rig.begin(tokens, 8)).tokens, 4u);
}

TEST(KvCache, KeepsSaltsAndPrivateSequencesApart) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 9);
  SequenceOptions options;
  options.tokens = tokens;
  options.max_tokens = 9;
  options.shared = false;
  SequenceRef mine;
  ASSERT_TRUE(rig.cache->begin(options, mine).ok());
  rig.fill(*mine, tokens, 0);
  EXPECT_EQ(rig.cache->match(tokens, 0), 0u);
  options.shared = true;
  options.salt = 7;
  SequenceRef salted;
  ASSERT_TRUE(rig.cache->begin(options, salted).ok());
  rig.fill(*salted, tokens, 0);
  EXPECT_EQ(rig.cache->match(tokens, 0), 0u);
  EXPECT_EQ(rig.cache->match(tokens, 7), 8u);
}

TEST(KvCache, ForkSharesBlocksAndCopiesTheLastOnWrite) {
  Rig rig;
  Tokens tokens = tokens_from(1, 6);
  const SequenceRef parent = rig.begin(tokens, 12);
  rig.fill(*parent, tokens, 0);
  SequenceRef child;
  ASSERT_TRUE(rig.cache->fork(*parent, 12, child).ok());
  EXPECT_EQ(rig.entry(*parent, 1), rig.entry(*child, 1));
  Tokens other = tokens;
  tokens.push_back(100);
  other.push_back(200);
  rig.fill(*parent, tokens, 6);
  rig.fill(*child, other, 6);
  EXPECT_NE(rig.entry(*parent, 1), rig.entry(*child, 1));
  EXPECT_EQ(rig.cache->facts().copied_blocks, 1u);
  EXPECT_EQ(rig.wrong(*parent, tokens) + rig.wrong(*child, other), 0u);
}

/// Both are promised a copy of the last block as long as both have it: whoever is left alone with
/// it writes into it.
TEST(KvCache, WhoIsLeftAloneWithASharedBlockIsPromisedNoCopyOfIt) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 6);
  const SequenceRef parent = rig.begin(tokens, 12);
  rig.fill(*parent, tokens, 0);
  const auto promised = [&] { return rig.cache->facts().promised_blocks; };
  ASSERT_EQ(promised(), 1u);
  SequenceRef ends, writes, is_cut;
  ASSERT_TRUE(rig.cache->fork(*parent, 12, ends).ok());
  EXPECT_EQ(promised(), 4u);
  ASSERT_TRUE(rig.cache->end(*ends).ok());
  EXPECT_EQ(promised(), 1u);
  ASSERT_TRUE(rig.cache->fork(*parent, 12, writes).ok());
  ASSERT_TRUE(rig.cache->append(*writes, tokens_from(7, 1)).ok());
  EXPECT_EQ(promised(), 2u);
  ASSERT_TRUE(rig.cache->fork(*parent, 12, is_cut).ok());
  ASSERT_TRUE(rig.cache->truncate(*is_cut, 4).ok());
  EXPECT_EQ(promised(), 4u);
  rig.fill(*parent, tokens_from(1, 12), 6);
  EXPECT_EQ(rig.wrong(*parent, tokens_from(1, 12)), 0u);
  EXPECT_EQ(rig.cache->facts().copied_blocks, 1u);
}

/// Of three that share it two may still write first.
TEST(KvCache, TwoThatStillShareABlockKeepThePromiseOfACopy) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 6);
  const SequenceRef parent = rig.begin(tokens, 12);
  rig.fill(*parent, tokens, 0);
  SequenceRef first, second;
  ASSERT_TRUE(rig.cache->fork(*parent, 12, first).ok());
  ASSERT_TRUE(rig.cache->fork(*parent, 12, second).ok());
  EXPECT_EQ(rig.cache->facts().promised_blocks, 6u);
  ASSERT_TRUE(rig.cache->end(*first).ok());
  EXPECT_EQ(rig.cache->facts().promised_blocks, 4u);
}

TEST(KvCache, ForkRefusesWhatIsNotWritten) {
  Rig rig;
  const SequenceRef parent = rig.begin({}, 12);
  ASSERT_TRUE(rig.cache->append(*parent, tokens_from(1, 3)).ok());
  SequenceRef child;
  EXPECT_EQ(rig.cache->fork(*parent, 12, child).refusal, Refusal::kBusy);
}

TEST(KvCache, TruncatedSequenceWritesAnewWithoutHarmToTheCachedBlock) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 12);
  const SequenceRef sequence = rig.begin(tokens, 12);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->truncate(*sequence, 6).ok());
  Tokens other(tokens.begin(), tokens.begin() + 6);
  for (Token more = 50; more < 54; ++more) other.push_back(more);
  rig.fill(*sequence, other, 6);
  EXPECT_EQ(rig.wrong(*sequence, other), 0u);
  const SequenceRef again = rig.begin(tokens, 12);
  EXPECT_EQ(rig.cache->facts(*again).matched_tokens, 8u);
  EXPECT_EQ(rig.wrong(*again, std::span(tokens).first(8)), 0u);
}

TEST(KvCache, RefusesWhatItCouldNotKeepAndKeepsWhatItPromised) {
  Rig rig({.tiers = {4}});
  const SequenceRef first = rig.begin({}, 12);
  EXPECT_EQ(rig.begin({}, 8), nullptr);
  EXPECT_EQ(rig.last.refusal, Refusal::kNoRoom);
  EXPECT_NE(std::string(rig.last.text).find("max_tokens"), std::string::npos);
  const SequenceRef second = rig.begin({}, 4);
  ASSERT_NE(second, nullptr);
  rig.fill(*first, tokens_from(1, 12), 0);
  rig.fill(*second, tokens_from(100, 4), 0);
  EXPECT_EQ(rig.cache->facts().refused_sequences, 1u);
  EXPECT_EQ(rig.cache->facts().promised_blocks, 0u);
}

TEST(KvCache, RefusesCountsThatNoMemoryHolds) {
  Rig rig;
  EXPECT_EQ(rig.begin({}, ~std::uint64_t{0}), nullptr);
  EXPECT_EQ(rig.last.refusal, Refusal::kNoRoom);
  EXPECT_EQ(rig.begin({}, 0), nullptr);
  EXPECT_EQ(rig.last.refusal, Refusal::kArgument);
}

TEST(KvCache, DropsWhatIsCachedForWhoRuns) {
  Rig rig({.tiers = {4}});
  const Tokens tokens = tokens_from(1, 16);
  const SequenceRef first = rig.begin(tokens, 16);
  rig.fill(*first, tokens, 0);
  ASSERT_TRUE(rig.cache->end(*first).ok());
  EXPECT_EQ(rig.cache->facts().cached_blocks[0], 4u);
  const SequenceRef second = rig.begin({}, 8);
  rig.fill(*second, tokens_from(100, 8), 0);
  EXPECT_EQ(rig.cache->facts().evicted_blocks, 2u);
  // The deepest ones went.
  EXPECT_EQ(rig.cache->match(tokens, 0), 8u);
}

TEST(KvCache, TenantIsHeldToItsLimit) {
  Rig rig;
  rig.cache->set_limit(7, 2);
  EXPECT_EQ(rig.begin({}, 12, 7), nullptr);
  EXPECT_EQ(rig.last.refusal, Refusal::kLimit);
  const SequenceRef first = rig.begin({}, 8, 7);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(rig.begin({}, 4, 7), nullptr);
  ASSERT_TRUE(rig.cache->end(*first).ok());
  EXPECT_NE(rig.begin({}, 4, 7), nullptr);
  EXPECT_NE(rig.begin({}, 12, 8), nullptr);
}

TEST(KvCache, PausedSequenceResumesWithItsUnfullBlock) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 10);
  const SequenceRef sequence = rig.begin(tokens, 16);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  EXPECT_EQ(rig.cache->append(*sequence, tokens).refusal, Refusal::kState);
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 0u);
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.cache->facts(*sequence).tokens, 10u);
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
}

TEST(KvCache, ResumesWithWhatIsLeft) {
  Rig rig({.tiers = {4}});
  const Tokens tokens = tokens_from(1, 14);
  const SequenceRef sequence = rig.begin(tokens, 16);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  const SequenceRef other = rig.begin({}, 8);
  rig.fill(*other, tokens_from(100, 8), 0);
  EXPECT_EQ(rig.cache->resume(*sequence).refusal, Refusal::kNoRoom);
  EXPECT_TRUE(rig.cache->facts(*sequence).paused);
  ASSERT_TRUE(rig.cache->end(*other).ok());
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.cache->facts(*sequence).tokens, 8u);
  EXPECT_EQ(rig.wrong(*sequence, std::span(tokens).first(8)), 0u);
}

TEST(KvCache, CollidingHashesNeverShareBlocks) {
  Rig rig({.tiers = {64}, .hash_mask = 0});
  for (Token user = 0; user < 8; ++user) {
    const Tokens tokens = tokens_from(user * 1000, 9);
    EXPECT_EQ(rig.cache->match(tokens, 0), 0u);
    const SequenceRef sequence = rig.begin(tokens, 9);
    rig.fill(*sequence, tokens, 0);
    EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
  }
}

TEST(KvCache, EqualBlocksOfTwoWritersBecomeOne) {
  Rig rig;
  const Tokens tokens = tokens_from(1, 4);
  const SequenceRef first = rig.begin(tokens, 8);
  const SequenceRef second = rig.begin(tokens, 8);
  rig.fill(*first, tokens, 0);
  rig.fill(*second, tokens, 0);
  EXPECT_EQ(rig.entry(*first, 0), rig.entry(*second, 0));
  EXPECT_EQ(rig.cache->facts(*second).shared_blocks, 1u);
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 3u) << "the one, and the next one of each";
}

TEST(KvCache, AFullBlockOpensTheNextOnesWhereThereIsRoom) {
  Rig rig({.tiers = {64}});
  const SequenceRef sequence = rig.begin({}, 64);
  rig.fill(*sequence, tokens_from(1, 4), 0);
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 1u + 4);
  EXPECT_EQ(rig.cache->facts().promised_blocks, 11u);
  EXPECT_EQ(rig.cache->facts(*sequence).blocks, 1u);
  kv::Table table;
  ASSERT_TRUE(rig.cache->table(*sequence, table).ok());
  EXPECT_EQ(table.count, 1u);
  // Those that it did not come to use are free again, and what it may grow to is as before.
  ASSERT_TRUE(rig.cache->truncate(*sequence, 3).ok());
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 1u);
  EXPECT_EQ(rig.cache->facts().promised_blocks, 15u);
}

TEST(KvCache, AFullBlockOpensNoMoreThanItsSequenceMayHave) {
  Rig rig({.tiers = {64}});
  const SequenceRef sequence = rig.begin({}, 8);
  rig.fill(*sequence, tokens_from(1, 8), 0);
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 2u);
  EXPECT_EQ(rig.cache->facts().promised_blocks, 0u);
}

TEST(KvCache, AForkSharesNothingThatWasOpenedAhead) {
  Rig rig({.tiers = {64}});
  const Tokens tokens = tokens_from(1, 6);
  const SequenceRef sequence = rig.begin({}, 64);
  rig.fill(*sequence, std::span(tokens).first(4), 0);
  rig.fill(*sequence, tokens, 4);
  SequenceRef fork;
  ASSERT_TRUE(rig.cache->fork(*sequence, 64, fork).ok());
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 2u);
  EXPECT_EQ(rig.cache->facts(*fork).shared_blocks, 2u);
  // Either may write into the last block: a copy is promised to both.
  EXPECT_EQ(rig.cache->facts().promised_blocks, 15u + 15);
}

TEST(KvCache, LostBlockIsToldAndItsSlotNotUsedAgain) {
  Rig rig({.tiers = {4}});
  const Tokens tokens = tokens_from(1, 10);
  const SequenceRef sequence = rig.begin(tokens, 12);
  rig.fill(*sequence, tokens, 0);
  const std::uint32_t bad = rig.entry(*sequence, 1);
  ASSERT_TRUE(rig.cache->lose(rig.address(*sequence, 5, 1)).ok());
  EXPECT_EQ(rig.cache->facts(*sequence).lost_from, 4u);
  EXPECT_EQ(rig.cache->match(tokens, 0), 4u);
  ASSERT_TRUE(rig.cache->truncate(*sequence, 4).ok());
  EXPECT_EQ(rig.cache->facts(*sequence).lost_from, kNothingLost);
  rig.fill(*sequence, tokens, 4);
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NE(rig.entry(*sequence, i), bad);
  int elsewhere = 0;
  EXPECT_EQ(rig.cache->lose(&elsewhere).refusal, Refusal::kArgument);
}

/// Five blocks, of which the second is lost while one sequence holds four of them and another all.
TEST(KvCache, WhatIsComputedAgainBehindALostBlockIsSharedAtOnce) {
  Rig rig({.tiers = {24}});
  const Tokens tokens = tokens_from(1, 20);
  const SequenceRef other = rig.begin({}, 20);
  rig.fill(*other, tokens, 0);
  const SequenceRef sequence = rig.begin(std::span(tokens).first(17), 20);
  EXPECT_EQ(rig.cache->facts(*sequence).matched_tokens, 16u);
  ASSERT_TRUE(rig.cache->lose(rig.address(*sequence, 5, 1)).ok());
  EXPECT_EQ(rig.cache->match(tokens_from(1, 21), 0), 4u);
  EXPECT_EQ(rig.cache->facts(*other).lost_from, 4u);
  ASSERT_TRUE(rig.cache->truncate(*sequence, 4).ok());
  rig.fill(*sequence, tokens, 4);
  EXPECT_EQ(rig.cache->match(tokens_from(1, 21), 0), 20u);
  ASSERT_TRUE(rig.cache->truncate(*other, 4).ok());
  rig.fill(*other, tokens, 4);
  EXPECT_EQ(rig.cache->facts(*other).shared_blocks, 5u);
  EXPECT_EQ(rig.wrong(*other, tokens), 0u);
  EXPECT_EQ(rig.cache->facts().used_blocks[0], 5u);
}

TEST(KvCache, WhatIsCachedBehindALostBlockGivesItsPlaceBack) {
  Rig rig({.tiers = {24}});
  const SequenceRef first = rig.begin({}, 20);
  rig.fill(*first, tokens_from(1, 20), 0);
  Tokens branch = tokens_from(1, 12);
  branch[9] = 77;
  const SequenceRef second = rig.begin(branch, 12);
  rig.fill(*second, branch, 8);
  std::byte* const damaged = rig.address(*first, 5, 0);
  ASSERT_TRUE(rig.cache->end(*first).ok());
  ASSERT_TRUE(rig.cache->end(*second).ok());
  EXPECT_EQ(rig.cache->facts().cached_blocks[0], 6u);
  ASSERT_TRUE(rig.cache->lose(damaged).ok());
  EXPECT_EQ(rig.cache->facts().cached_blocks[0], 1u);
  const SequenceRef large = rig.begin(tokens_from(1, 92), 92);
  ASSERT_NE(large, nullptr) << rig.last.text;
  EXPECT_EQ(rig.cache->facts(*large).matched_tokens, 4u);
  rig.fill(*large, tokens_from(1, 92), 4);
  EXPECT_EQ(rig.wrong(*large, tokens_from(1, 92)), 0u);
}

TEST(KvCache, SaysWhatAnEndedSequenceIs) {
  Rig rig;
  const SequenceRef sequence = rig.begin({}, 4);
  ASSERT_TRUE(rig.cache->end(*sequence).ok());
  EXPECT_EQ(rig.cache->end(*sequence).refusal, Refusal::kEnded);
  EXPECT_EQ(rig.cache->append(*sequence, tokens_from(1, 1)).refusal, Refusal::kEnded);
  EXPECT_EQ(rig.cache->resume(*sequence).refusal, Refusal::kEnded);
  EXPECT_EQ(rig.cache->truncate(*sequence, 0).refusal, Refusal::kEnded);
}

TEST(KvCache, RefusesShapesThatCannotBe) {
  CacheOptions options;
  EXPECT_FALSE(Cache::create(options).ok());
  options.shape = {4, 1, Bytes(64)};
  EXPECT_FALSE(Cache::create(options).ok());
  std::byte memory[64 * 3];
  options.make_policy = [](std::uint32_t slots) {
    return policy::find_kv_policy("lru")->make({.slots = slots});
  };
  options.tiers = {{memory, 1}, {memory + 100, 1}};
  const auto made = Cache::create(options);
  ASSERT_FALSE(made.ok());
  EXPECT_NE(std::string(made.error().message).find("whole number of blocks"), std::string::npos);
}

/// Ten tokens of blocks of four, of which the last two have no full block.
TEST(KvCache, APausedSequenceKeepsItsLastBlockThatForksHoldAsWell) {
  Rig rig({.tiers = {24}});
  const std::vector<Token> tokens = tokens_from(1, 10);
  const SequenceRef first = rig.begin({}, 12);
  rig.fill(*first, tokens, 0);
  SequenceRef second;
  ASSERT_TRUE(rig.cache->fork(*first, 12, second).ok());
  ASSERT_TRUE(rig.cache->pause(*first).ok());
  EXPECT_EQ(rig.wrong(*second, tokens), 0u);
  ASSERT_TRUE(rig.cache->resume(*first).ok());
  EXPECT_EQ(rig.cache->facts(*first).tokens, 10u);
  // Each goes on in a block of its own.
  rig.fill(*first, tokens_from(1, 12), 10);
  rig.fill(*second, tokens_from(1, 11), 10);
  EXPECT_EQ(rig.wrong(*first, tokens_from(1, 12)), 0u);
  EXPECT_EQ(rig.wrong(*second, tokens_from(1, 11)), 0u);
}

TEST(KvCache, APausedSequenceKeepsTheFirstTokensOfABlockThatItWasCutIn) {
  Rig rig({.tiers = {24}});
  const std::vector<Token> tokens = tokens_from(1, 12);
  const SequenceRef sequence = rig.begin({}, 16);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->truncate(*sequence, 6).ok());
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.cache->facts(*sequence).tokens, 6u);
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  ASSERT_TRUE(rig.cache->truncate(*sequence, 5).ok());
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.cache->facts(*sequence).tokens, 5u);
  EXPECT_EQ(rig.wrong(*sequence, std::span(tokens).first(5)), 0u);
  rig.fill(*sequence, tokens_from(1, 16), 5);
  EXPECT_EQ(rig.wrong(*sequence, tokens_from(1, 16)), 0u);
}

TEST(KvCache, ACopyOfALostBlockIsLost) {
  Rig rig({.tiers = {24}});
  const std::vector<Token> tokens = tokens_from(1, 6);
  const SequenceRef first = rig.begin({}, 12);
  rig.fill(*first, tokens, 0);
  SequenceRef second;
  ASSERT_TRUE(rig.cache->fork(*first, 12, second).ok());
  ASSERT_TRUE(rig.cache->lose(rig.address(*first, 4, 0)).ok());
  ASSERT_TRUE(rig.cache->append(*second, tokens_from(7, 1)).ok());
  EXPECT_EQ(rig.cache->facts(*second).lost_from, 4u);
  ASSERT_TRUE(rig.cache->truncate(*second, 4).ok());
  rig.fill(*second, tokens_from(1, 7), 4);
  EXPECT_EQ(rig.cache->facts(*second).lost_from, kNothingLost);
  EXPECT_EQ(rig.wrong(*second, tokens_from(1, 7)), 0u);
}

}  // namespace
}  // namespace terrace::kv
