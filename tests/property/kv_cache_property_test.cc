// SPDX-License-Identifier: Apache-2.0
// Lists of random operations on the KV-cache against what a plain list of tokens says: whatever was
// done, a sequence reads what was written for exactly its tokens, a sequence that runs is never
// refused an append, tables change in step() and calls on the sequence alone, and at the end no
// slot is missing. With a store all seeds share its file, so that each cache finds what others
// kept.
#include <random>

#include "allocators/kv/prefix_store.h"
#include "tests/unit/kv/rig.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv {
namespace {

using Tokens = std::vector<Token>;

struct Modelled {
  SequenceRef sequence;
  Tokens tokens;  ///< all written
  std::uint64_t max_tokens = 0;
  bool paused = false;
};

class Operations {
 public:
  Operations(Rig& rig, unsigned seed) : rig_(rig), random_(seed) {}

  void run(int count) {
    for (int i = 0; i < count && !testing::Test::HasFailure(); ++i) one();
    while (!all_.empty()) end(0);
  }

 private:
  void one() {
    const std::uint64_t kind = random_() % 12;
    if (all_.empty() || kind == 0) return begin();
    if (kind == 1) return rig_.cache->step();
    if (kind == 2) return random_() % 4 == 0 ? rig_.cache->settle() : check_all();
    const std::size_t at = random_() % all_.size();
    if (kind == 3) return end(at);
    if (all_[at].paused) return wake(all_[at]);
    if (kind == 4) return fork(all_[at]);
    if (kind == 5) return truncate(all_[at]);
    if (kind == 6) return pause(all_[at]);
    grow(all_[at]);
  }

  /// Few different tokens, so that prefixes meet.
  Tokens some_tokens(std::size_t most) {
    Tokens tokens(random_() % (most + 1));
    for (Token& token : tokens) token = static_cast<Token>(random_() % 2);
    return tokens;
  }

  void begin() {
    const Tokens prompt = some_tokens(20);
    Modelled made;
    made.max_tokens = prompt.size() + 1 + random_() % 12;
    // What moves or is kept meanwhile may have a block go that match() has seen.
    const bool still = random_() % 2 == 0;
    if (still) rig_.cache->settle();
    const std::uint64_t match = rig_.cache->match(prompt, 0);
    made.sequence = rig_.begin(prompt, made.max_tokens);
    if (made.sequence == nullptr) {
      EXPECT_TRUE(rig_.last.refusal == Refusal::kNoRoom || rig_.last.refusal == Refusal::kLimit);
      return;
    }
    const std::uint64_t found = rig_.cache->facts(*made.sequence).tokens;
    if (still) {
      EXPECT_EQ(found, match);
    }
    made.tokens.assign(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(found));
    check(made);
    rig_.fill(*made.sequence, prompt, found);
    made.tokens = prompt;
    all_.push_back(std::move(made));
  }
  void grow(Modelled& it) {
    const Tokens more = some_tokens(std::min<std::size_t>(9, it.max_tokens - it.tokens.size()));
    const std::size_t before = it.tokens.size();
    it.tokens.insert(it.tokens.end(), more.begin(), more.end());
    rig_.fill(*it.sequence, it.tokens, before);
    check(it);
  }
  void fork(Modelled& it) {
    Modelled made{nullptr, it.tokens, it.tokens.size() + 1 + random_() % 8, false};
    const Outcome outcome = rig_.cache->fork(*it.sequence, made.max_tokens, made.sequence);
    check(it);
    if (!outcome.ok()) return;
    check(made);
    all_.push_back(std::move(made));
  }
  void truncate(Modelled& it) {
    const std::size_t keep = random_() % (it.tokens.size() + 1);
    const Outcome outcome = rig_.cache->truncate(*it.sequence, keep);
    if (outcome.ok()) it.tokens.resize(keep);
    EXPECT_TRUE(outcome.ok() || outcome.refusal == Refusal::kNoRoom) << outcome.text;
    check(it);
  }
  void pause(Modelled& it) {
    EXPECT_TRUE(rig_.cache->pause(*it.sequence).ok());
    it.paused = true;
  }
  void wake(Modelled& it) {
    if (random_() % 3 == 0) {
      EXPECT_TRUE(rig_.cache->prefetch(*it.sequence).ok());
      return;
    }
    if (!rig_.cache->resume(*it.sequence).ok()) return;
    const std::uint64_t left = rig_.cache->facts(*it.sequence).tokens;
    ASSERT_LE(left, it.tokens.size());
    it.tokens.resize(left);
    it.paused = false;
    check(it);
  }
  void end(std::size_t at) {
    EXPECT_TRUE(rig_.cache->end(*all_[at].sequence).ok());
    all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void check(const Modelled& it) {
    EXPECT_EQ(rig_.wrong(*it.sequence, it.tokens), 0u);
    EXPECT_EQ(rig_.cache->facts(*it.sequence).tokens, it.tokens.size());
  }
  void check_all() {
    for (const Modelled& it : all_) {
      if (!it.paused) check(it);
    }
  }

  Rig& rig_;
  std::mt19937_64 random_;
  std::vector<Modelled> all_;
};

/// A cache without sequences has all its slots.
void take_all(Rig& rig, const RigOptions& options, Token first) {
  const CacheFacts facts = rig.cache->facts();
  EXPECT_EQ(facts.sequences + facts.paused_sequences + facts.promised_blocks, 0u);
  std::uint64_t slots = 0;
  for (const std::uint32_t blocks : options.tiers) slots += blocks;
  const Tokens tokens = tokens_from(first, slots * kRigTokens);
  const SequenceRef all = rig.begin(tokens, tokens.size());
  ASSERT_NE(all, nullptr) << rig.last.text;
  rig.fill(*all, tokens, 0);
  EXPECT_EQ(rig.wrong(*all, tokens), 0u);
}

void run_all(const RigOptions& options) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(std::string(options.policy) + ", seed " + std::to_string(seed));
    Rig rig(options);
    Operations(rig, seed).run(1500);
    rig.cache->settle();
    take_all(rig, options, 1000);
  }
}

void run_over_store(RigOptions options) {
  const testing_support::Folder folder("/dev/shm");
  StoreOptions with;
  with.path = folder.file();
  with.size = MiB(16);
  with.shape = {kRigTokens, kRigLayers, Bytes(kRigLayerBytes)};
  std::uint64_t hits = 0;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto store = PrefixStore::open(with);
    ASSERT_TRUE(store.ok()) << store.error().message;
    (*store)->wait_restored();
    options.store = store->get();
    Rig rig(options);
    Operations(rig, seed).run(1500);
    rig.cache->settle();
    hits += rig.cache->facts().store_hit_blocks;
    EXPECT_FALSE(rig.cache->facts().store_failed);
    EXPECT_EQ((*store)->stats().corrupt, 0u);
    take_all(rig, options, static_cast<Token>(1000 * seed));
  }
  EXPECT_GT(hits, 20u);
}

TEST(KvCacheProperty, HoldsOnOneTier) {
  for (const char* policy : {"lru", "fifo", "s3fifo", "slru"}) run_all({{24}, policy});
}
TEST(KvCacheProperty, HoldsOnThreeTiers) {
  for (const char* policy : {"lru", "s3fifo", "slru"}) run_all({{8, 10, 14}, policy});
}
TEST(KvCacheProperty, HoldsUnderTheLearntPolicy) {
  run_all({{10, 20}, "terrace"});
}
TEST(KvCacheProperty, HoldsWhenHashesCollide) {
  run_all({{12, 20}, "lru", 64, 0x7});
}
TEST(KvCacheProperty, HoldsOverAStore) {
  run_over_store({.tiers = {24}});
}
TEST(KvCacheProperty, HoldsOverAStoreWithThreeTiers) {
  run_over_store({.tiers = {8, 10, 14}});
}
TEST(KvCacheProperty, HoldsOverAStoreWhenHashesCollide) {
  for (const std::uint64_t mask : {0x7u, 0xffu, 0x3ffu})
    run_over_store({{12, 20}, "lru", 64, mask});
}

}  // namespace
}  // namespace terrace::kv
