// SPDX-License-Identifier: Apache-2.0
// Several tiers: what is demoted, what arrives, what changes places between steps.
#include "tests/unit/kv/rig.h"

namespace terrace::kv {
namespace {

using Tokens = std::vector<Token>;

TEST(KvTiers, NewBlocksSpillWhenTheFastTierIsFull) {
  Rig rig({.tiers = {2, 4}});
  const Tokens tokens = tokens_from(1, 16);
  const SequenceRef sequence = rig.begin(tokens, 16);
  rig.fill(*sequence, tokens, 0);
  EXPECT_EQ(rig.cache->facts(*sequence).tier_blocks[0], 2u);
  EXPECT_EQ(rig.cache->facts(*sequence).tier_blocks[1], 2u);
  EXPECT_EQ(rig.cache->facts().spilled_blocks, 2u);
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
}

TEST(KvTiers, DemotesAheadOfNeedWhatIsNotInUse) {
  Rig rig({.tiers = {4, 8}});
  const Tokens tokens = tokens_from(1, 16);
  const SequenceRef first = rig.begin(tokens, 16);
  rig.fill(*first, tokens, 0);
  ASSERT_TRUE(rig.cache->end(*first).ok());
  rig.cache->settle();
  const CacheFacts facts = rig.cache->facts();
  EXPECT_EQ(facts.demoted_blocks, 1u);
  EXPECT_EQ(facts.cached_blocks[0], 3u);
  EXPECT_EQ(facts.cached_blocks[1], 1u);
  EXPECT_EQ(facts.evicted_blocks, 0u);
  const SequenceRef again = rig.begin(tokens_from(1, 17), 20);
  EXPECT_EQ(rig.cache->facts(*again).matched_tokens, 16u);
  EXPECT_EQ(rig.wrong(*again, tokens), 0u);
}

/// LRU that takes nothing for what it has.
class Content final : public EvictionPolicy {
 public:
  explicit Content(std::uint32_t slots)
      : lru_(policy::find_kv_policy("lru")->make({.slots = slots})) {}
  void begin(const KvRequest& request) override { lru_->begin(request); }
  void inserted(KvSlot slot, std::uint32_t at) override { lru_->inserted(slot, at); }
  void touched(KvSlot slot, std::uint32_t at) override { lru_->touched(slot, at); }
  void released(KvSlot slot) override { lru_->released(slot); }
  void held(KvSlot slot) override { lru_->held(slot); }
  KvSlot victim_for(std::uint32_t position) override { return lru_->victim_for(position); }
  void evicted(KvSlot slot) override { lru_->evicted(slot); }
  void joined(KvSlot slot, const KvBlock& block) override { lru_->joined(slot, block); }
  KvSlot least() override { return lru_->least(); }
  bool wants(const KvBlock&) const override { return false; }

 private:
  std::unique_ptr<EvictionPolicy> lru_;
};

TEST(KvTiers, DropsWhatTheFullSlowTierDoesNotWant) {
  const auto demoted = [](const RigOptions& options) {
    Rig rig(options);
    for (Token first = 0; first < 2000; first += 100) {
      const Tokens tokens = tokens_from(first, 12);
      const SequenceRef sequence = rig.begin({}, 12);
      rig.fill(*sequence, tokens, 0);
      EXPECT_TRUE(rig.cache->end(*sequence).ok());
      rig.cache->settle();
    }
    EXPECT_EQ(rig.cache->facts().cached_blocks[1], 4u) << "the slow tier is full";
    return rig.cache->facts().demoted_blocks;
  };
  EXPECT_GT(demoted({.tiers = {4, 4}}), 10u);
  EXPECT_LE(demoted({.tiers = {4, 4},
                     .make_policy = [](std::uint32_t slots) -> std::unique_ptr<EvictionPolicy> {
                       return std::make_unique<Content>(slots);
                     }}),
            4u);
}

/// All of `tokens` on the slow tier, with the fast one free.
SequenceRef paused_on_slow_tier(Rig& rig, const Tokens& tokens) {
  const SequenceRef filler = rig.begin({}, 16);
  rig.fill(*filler, tokens_from(1000, 16), 0);
  const SequenceRef sequence = rig.begin({}, tokens.size() + 4);
  rig.fill(*sequence, tokens, 0);
  EXPECT_EQ(rig.cache->facts(*sequence).tier_blocks[0], 0u);
  EXPECT_TRUE(rig.cache->pause(*sequence).ok());
  EXPECT_TRUE(rig.cache->truncate(*filler, 0).ok());
  return sequence;
}

TEST(KvTiers, ResumedBlocksArriveOnTheFastTierLayerByLayer) {
  Rig rig({.tiers = {4, 16}});
  const Tokens tokens = tokens_from(1, 12);
  const SequenceRef sequence = paused_on_slow_tier(rig, tokens);
  rig.cache->settle();
  // Fillers that are cached there make room as they are demoted.
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
  rig.cache->settle();
  const SequenceFacts facts = rig.cache->facts(*sequence);
  EXPECT_EQ(facts.tokens, 12u);
  EXPECT_EQ(facts.ready_layers, kRigLayers);
  EXPECT_EQ(facts.tier_blocks[0], rig.cache->facts().promoted_blocks);
  EXPECT_GT(facts.tier_blocks[0], 0u);
  EXPECT_EQ(rig.cache->facts().hit_blocks[1], 3u);
}

/// What moves has two places: with 6 leased blocks, p promised ones and 24 places, the n-th move
/// begins when 6 + p + 2n + 2 <= 24, the first being the 0th.
TEST(KvTiers, WhatArrivesLeavesRoomForWhatItsSequenceIsPromised) {
  struct {
    std::uint64_t most_blocks;
    std::uint64_t arriving;
  } const cases[] = {{7, 6}, {16, 4}, {22, 1}, {24, 0}};
  for (const auto& [most_blocks, arriving] : cases) {
    Rig rig({.tiers = {8, 16}});
    const SequenceRef filler = rig.begin({}, 32);
    ASSERT_TRUE(rig.cache->append(*filler, tokens_from(1000, 32)).ok());
    const SequenceRef first = rig.begin({}, 24);
    rig.fill(*first, tokens_from(1, 24), 0);
    ASSERT_TRUE(rig.cache->end(*first).ok());
    ASSERT_TRUE(rig.cache->end(*filler).ok());
    rig.cache->settle();
    ASSERT_EQ(rig.cache->facts().cached_blocks[1], 6u);
    const SequenceRef sequence = rig.begin(tokens_from(1, 25), most_blocks * kRigTokens);
    ASSERT_TRUE(rig.last.ok()) << rig.last.text;
    EXPECT_EQ(rig.cache->facts(*sequence).tier_blocks[0], arriving) << most_blocks;
    EXPECT_EQ(rig.wrong(*sequence, tokens_from(1, 24)), 0u);
  }
}

TEST(KvTiers, StepBringsRunningBlocksToTheFastTier) {
  Rig rig({.tiers = {8, 16}});
  const SequenceRef filler = rig.begin({}, 32);
  rig.fill(*filler, tokens_from(1000, 32), 0);
  const Tokens tokens = tokens_from(1, 12);
  const SequenceRef sequence = rig.begin({}, 16);
  rig.fill(*sequence, tokens, 0);
  EXPECT_EQ(rig.cache->facts(*sequence).tier_blocks[1], 3u);
  ASSERT_TRUE(rig.cache->end(*filler).ok());
  for (int i = 0; i < 20; ++i) {
    rig.cache->settle();
    const std::uint32_t before = rig.entry(*sequence, 0);
    rig.cache->settle();
    EXPECT_EQ(rig.entry(*sequence, 0), before) << "places change in step() alone";
    rig.cache->step();
    EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
  }
  EXPECT_GT(rig.cache->facts(*sequence).tier_blocks[0], 0u);
}

TEST(KvTiers, PrefetchMovesAPausedSequenceBeforeItResumes) {
  Rig rig({.tiers = {8, 16}});
  const SequenceRef filler = rig.begin({}, 32);
  rig.fill(*filler, tokens_from(1000, 30), 0);
  const Tokens tokens = tokens_from(1, 8);
  const SequenceRef sequence = rig.begin({}, 8);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  ASSERT_TRUE(rig.cache->truncate(*filler, 0).ok());
  rig.cache->settle();
  ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
  rig.cache->settle();
  const std::uint64_t promoted = rig.cache->facts().promoted_blocks;
  EXPECT_GT(promoted, 0u);
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_GE(rig.cache->facts().hit_blocks[0], promoted);
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
}

/// The fast tier is full, so that a pause begins to demote the block that it gave back first, the
/// last one. Whether that still moves at resume or not: what is right does not depend on it.
TEST(KvTiers, APausedSequenceKeepsItsLastBlockWhileItMoves) {
  Rig rig({.tiers = {8, 40}});
  const Tokens tokens = tokens_from(1, 18);
  const SequenceRef sequence = rig.begin({}, 24);
  rig.fill(*sequence, tokens, 0);
  const SequenceRef other = rig.begin({}, 12);
  rig.fill(*other, tokens_from(1000, 12), 0);
  for (int round = 0; round < 300; ++round) {
    ASSERT_TRUE(rig.cache->pause(*sequence).ok());
    if (round % 3 == 2) {
      ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
    }
    ASSERT_TRUE(rig.cache->resume(*sequence).ok());
    ASSERT_EQ(rig.cache->facts(*sequence).tokens, 18u) << "round " << round;
    ASSERT_EQ(rig.wrong(*sequence, tokens), 0u);
  }
}

TEST(KvTiers, PrefetchBringsAllBlocksAsDemotionsMakeRoom) {
  for (const char* policy : {"lru", "terrace"}) {
    Rig rig({.tiers = {32, 64}, .policy = policy});
    const Tokens tokens = tokens_from(1, 40);
    const SequenceRef sequence = rig.begin({}, 40);
    rig.fill(*sequence, tokens, 0);
    ASSERT_TRUE(rig.cache->pause(*sequence).ok());
    for (Token first = 1000; first < 2500; first += 100) {
      const Tokens other = tokens_from(first, 20);
      const SequenceRef one = rig.begin({}, 20);
      rig.fill(*one, other, 0);
      ASSERT_TRUE(rig.cache->end(*one).ok());
      rig.cache->settle();
    }
    ASSERT_EQ(rig.cache->facts().cached_blocks[0], 28u) << "there is room for few";
    const std::uint64_t promoted = rig.cache->facts().promoted_blocks;
    ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
    rig.cache->settle();
    EXPECT_EQ(rig.cache->facts().promoted_blocks, promoted + 10) << policy;
    ASSERT_TRUE(rig.cache->resume(*sequence).ok());
    EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
    EXPECT_GE(rig.cache->facts().hit_blocks[0], 9u) << policy;
  }
}

/// Cached blocks of others fill the fast tier, and nobody has asked for a prefetch.
TEST(KvTiers, AResumeReadsWhereItLiesWhatFindsNoRoomAndStepsBringItOver) {
  for (const char* policy : {"lru", "terrace"}) {
    Rig rig({.tiers = {16, 48}, .policy = policy});
    const Tokens tokens = tokens_from(1, 40);
    const SequenceRef sequence = rig.begin({}, 40);
    rig.fill(*sequence, tokens, 0);
    ASSERT_TRUE(rig.cache->pause(*sequence).ok());
    for (Token first = 1000; first < 2000; first += 100) {
      const SequenceRef one = rig.begin({}, 12);
      rig.fill(*one, tokens_from(first, 12), 0);
      ASSERT_TRUE(rig.cache->end(*one).ok());
      rig.cache->settle();
    }
    ASSERT_EQ(rig.cache->facts().cached_blocks[0], 14u) << "an eighth is kept free";
    ASSERT_TRUE(rig.cache->resume(*sequence).ok());
    EXPECT_EQ(rig.cache->facts(*sequence).tokens, 40u);
    EXPECT_GE(rig.cache->facts(*sequence).tier_blocks[1], 8u) << policy;
    EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
    const std::uint32_t before = rig.entry(*sequence, 9);
    rig.cache->settle();
    EXPECT_EQ(rig.entry(*sequence, 9), before) << "places change in step() alone";
    for (int step = 0; step < 40; ++step) {
      rig.cache->step();
      rig.cache->settle();
      EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
    }
    EXPECT_EQ(rig.cache->facts(*sequence).tier_blocks[0], 10u) << policy;
  }
}

TEST(KvTiers, WhatIsExpectedMayGoOrBeResumedBeforeThereIsRoom) {
  Rig rig({.tiers = {16, 24}});
  std::vector<SequenceRef> paused;
  for (Token first = 0; first < 1000; first += 100) {
    const Tokens tokens = tokens_from(first, 12);
    paused.push_back(rig.begin({}, 16));
    rig.fill(*paused.back(), tokens, 0);
    ASSERT_TRUE(rig.cache->pause(*paused.back()).ok());
  }
  for (const SequenceRef& one : paused) ASSERT_TRUE(rig.cache->prefetch(*one).ok());
  for (std::size_t i = 0; i < paused.size(); i += 2) {
    if (!rig.cache->resume(*paused[i]).ok()) continue;
    const std::uint64_t left = rig.cache->facts(*paused[i]).tokens;
    EXPECT_EQ(rig.wrong(*paused[i], tokens_from(static_cast<Token>(100 * i), left)), 0u);
    ASSERT_TRUE(rig.cache->end(*paused[i]).ok());
  }
  rig.cache->settle();
}

/// Half of the fast tier is kept in mind for all that wait.
TEST(KvTiers, PrefetchOfOneSequenceManyTimesLeavesRoomForOthers) {
  Rig rig({.tiers = {32, 64}});
  std::vector<SequenceRef> paused;
  for (Token first = 0; first < 2; ++first) {
    paused.push_back(rig.begin({}, 40));
    rig.fill(*paused.back(), tokens_from(1 + 100 * first, 40), 0);
    ASSERT_TRUE(rig.cache->pause(*paused.back()).ok());
  }
  for (Token first = 1000; first < 2500; first += 100) {
    const SequenceRef one = rig.begin({}, 20);
    rig.fill(*one, tokens_from(first, 20), 0);
    ASSERT_TRUE(rig.cache->end(*one).ok());
    rig.cache->settle();
  }
  const std::uint64_t promoted = rig.cache->facts().promoted_blocks;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(rig.cache->prefetch(*paused[0]).ok());
  ASSERT_TRUE(rig.cache->prefetch(*paused[1]).ok());
  rig.cache->settle();
  EXPECT_GE(rig.cache->facts().promoted_blocks, promoted + 16);
}

}  // namespace
}  // namespace terrace::kv
