// SPDX-License-Identifier: Apache-2.0
// Prefixes that the cache gives to its store and takes from it. A restart is a cache that ends and
// another one over the same file; processes that are killed are in tests/capi/kv_restart_test.cc.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "allocators/kv/prefix_store.h"
#include "tests/unit/kv/rig.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv {
namespace {

constexpr Shape kShape{kRigTokens, kRigLayers, Bytes(kRigLayerBytes)};

/// What a storage does that fails from an instant on.
class FailingMedium : public StoreMedium {
 public:
  FailingMedium(std::unique_ptr<StoreMedium> under, const std::atomic<bool>& fails)
      : under_(std::move(under)), fails_(fails) {}
  void copy(void* to, const void* from, Bytes size) override { under_->copy(to, from, size); }
  void store_word(std::uint64_t* to, std::uint64_t value) override {
    under_->store_word(to, value);
  }
  Status drain() override {
    if (fails_.load()) return make_error(ErrorCode::kIo, EIO, "the test's storage fails");
    return under_->drain();
  }
  bool by_msync() const override { return under_->by_msync(); }

 private:
  std::unique_ptr<StoreMedium> under_;
  const std::atomic<bool>& fails_;
};

class StoreBehindCache : public testing::Test {
 protected:
  ~StoreBehindCache() override { stop(); }

  void start(std::vector<std::uint32_t> tiers = {32}) {
    StoreOptions options;
    options.path = folder_.file();
    options.size = MiB(16);
    options.shape = kShape;
    options.make_medium = [this](std::byte* base, Bytes size) -> std::unique_ptr<StoreMedium> {
      return std::make_unique<FailingMedium>(medium_of(base, size), fails_);
    };
    auto opened = PrefixStore::open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(*opened);
    store_->wait_restored();
    rig_.emplace(RigOptions{.tiers = std::move(tiers), .store = store_.get()});
  }
  void stop() {
    rig_.reset();
    store_.reset();
  }
  /// As if it had been killed once what is under way was written.
  void stop_without_closing() {
    rig_->cache->settle();
    fails_ = true;
    stop();
    fails_ = false;
  }
  /// A sequence over all these tokens that computes what is not there; ended again.
  std::uint64_t serve(std::span<const Token> tokens) {
    const SequenceRef sequence = rig_->begin(tokens, tokens.size());
    EXPECT_TRUE(rig_->last.ok()) << rig_->last.text;
    const std::uint64_t there = rig_->cache->facts(*sequence).matched_tokens;
    EXPECT_EQ(rig_->wrong(*sequence, tokens.first(there)), 0);
    rig_->fill(*sequence, tokens, there);
    EXPECT_EQ(rig_->wrong(*sequence, tokens), 0);
    EXPECT_TRUE(rig_->cache->end(*sequence).ok());
    return there;
  }
  static SequenceOptions options_for(std::span<const Token> tokens) {
    SequenceOptions options;
    options.tokens = tokens;
    options.max_tokens = tokens.size();
    return options;
  }
  CacheFacts facts() const { return rig_->cache->facts(); }

  // No disk to wait for: what the tests ask is the same on any.
  testing_support::Folder folder_{"/dev/shm"};
  std::atomic<bool> fails_{false};
  std::unique_ptr<PrefixStore> store_;
  std::optional<Rig> rig_;
};

TEST_F(StoreBehindCache, WhatIsCachedAtTheEndIsThereAfterARestart) {
  const auto prompt = tokens_from(100, 21);
  start();
  EXPECT_EQ(serve(prompt), 0);
  stop();
  start();
  EXPECT_EQ(rig_->cache->match(prompt, 0), 20);
  EXPECT_EQ(serve(prompt), 20);
  EXPECT_EQ(facts().store_hit_blocks, 5);
  EXPECT_EQ(facts().hit_blocks[0], 0);
  // Now they are in memory.
  EXPECT_EQ(serve(prompt), 20);
  EXPECT_EQ(facts().store_hit_blocks, 5);
  EXPECT_EQ(facts().hit_blocks[0], 5);
}

/// Of 200 blocks 120 were handed to the keeper before, so that its queue goes round.
TEST_F(StoreBehindCache, ACloseKeepsMoreThanOneBatchWhateverWasKeptBefore) {
  const auto often = tokens_from(100, 60 * kRigTokens + 1);
  const auto once = tokens_from(5000, 130 * kRigTokens + 1);
  start({200});
  for (int i = 0; i < 3; ++i) {
    serve(often);
    rig_->cache->settle();
  }
  EXPECT_EQ(store_->stats().written, 60);
  serve(once);
  stop();
  start({200});
  EXPECT_EQ(store_->stats().blocks, 190);
  EXPECT_EQ(serve(once), 130 * kRigTokens);
  EXPECT_EQ(serve(often), 60 * kRigTokens);
}

TEST_F(StoreBehindCache, WhatWasUsedTwiceSurvivesAnEndWithoutAClose) {
  const auto twice = tokens_from(100, 21);
  const auto once = tokens_from(500, 21);
  start();
  serve(twice);
  serve(once);
  serve(twice);
  stop_without_closing();
  start();
  EXPECT_EQ(serve(twice), 20);
  EXPECT_EQ(serve(once), 0);
}

TEST_F(StoreBehindCache, MemoryHasTheBeginningAndTheStoreTheRest) {
  const auto prompt = tokens_from(100, 41);
  start();
  serve(prompt);
  stop();
  start();
  EXPECT_EQ(serve(std::span(prompt).first(13)), 12);
  EXPECT_EQ(serve(prompt), 40);
  EXPECT_EQ(facts().store_hit_blocks, 10);
  EXPECT_EQ(facts().hit_blocks[0], 3);
}

TEST_F(StoreBehindCache, AnotherSaltAndPrivateSequencesFindNothing) {
  const auto prompt = tokens_from(100, 21);
  start();
  serve(prompt);
  stop();
  start();
  SequenceOptions options = options_for(prompt);
  options.salt = 1;
  SequenceRef salted;
  ASSERT_TRUE(rig_->cache->begin(options, salted).ok());
  EXPECT_EQ(rig_->cache->facts(*salted).matched_tokens, 0);
  options.salt = 0;
  options.shared = false;
  SequenceRef alone;
  ASSERT_TRUE(rig_->cache->begin(options, alone).ok());
  EXPECT_EQ(rig_->cache->facts(*alone).matched_tokens, 0);
}

TEST_F(StoreBehindCache, PrivateSequencesAreNotKept) {
  const auto prompt = tokens_from(100, 21);
  start();
  SequenceOptions options = options_for(prompt);
  options.shared = false;
  SequenceRef alone;
  ASSERT_TRUE(rig_->cache->begin(options, alone).ok());
  rig_->fill(*alone, prompt, 0);
  alone.reset();
  stop();
  start();
  EXPECT_EQ(store_->stats().blocks, 0);
  EXPECT_EQ(serve(prompt), 0);
}

TEST_F(StoreBehindCache, APausedSequenceGetsBackWhatMemoryHasDropped) {
  const auto prompt = tokens_from(100, 24);
  start({12});
  serve(prompt);
  const SequenceRef paused = rig_->begin(prompt, 40);
  rig_->fill(*paused, prompt, rig_->cache->facts(*paused).matched_tokens);
  ASSERT_TRUE(rig_->cache->pause(*paused).ok());
  rig_->cache->settle();
  // Takes all of memory.
  serve(tokens_from(1000, 48));
  ASSERT_TRUE(rig_->cache->resume(*paused).ok());
  // The sixth block was used once only: nobody found it.
  EXPECT_EQ(rig_->cache->facts(*paused).tokens, 20);
  EXPECT_EQ(facts().store_hit_blocks, 5);
  EXPECT_EQ(rig_->wrong(*paused, std::span(prompt).first(20)), 0);
  rig_->fill(*paused, tokens_from(100, 40), 20);
  EXPECT_EQ(rig_->wrong(*paused, tokens_from(100, 40)), 0);
}

TEST_F(StoreBehindCache, ADamagedBlockEndsThePrefixAndIsComputedAgain) {
  const auto prompt = tokens_from(100, 41);
  start();
  serve(prompt);
  stop();
  {
    // One byte of the fourth block's last layer: the value of its last token there.
    std::uint64_t sum = 1;
    for (const Token token : std::span(prompt).first(16)) {
      sum = (sum + static_cast<std::uint64_t>(token) + 1) * 0x9E3779B97F4A7C15u;
    }
    const std::uint64_t value = sum * kRigLayers;
    std::fstream file(folder_.file(), std::ios::in | std::ios::out | std::ios::binary);
    std::string all((std::istreambuf_iterator<char>(file)), {});
    const auto at = all.find(std::string(reinterpret_cast<const char*>(&value), sizeof value));
    ASSERT_NE(at, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(all[at] ^ 1));
  }
  start();
  EXPECT_EQ(store_->stats().corrupt, 1);
  EXPECT_EQ(serve(prompt), 12);
  stop();
  start();
  EXPECT_EQ(serve(prompt), 40);
}

TEST_F(StoreBehindCache, WhatRunsWhenTheCacheClosesIsKeptToo) {
  const auto prompt = tokens_from(100, 22);
  start();
  const SequenceRef running = rig_->begin(prompt, 32);
  rig_->fill(*running, prompt, 0);
  stop();
  start();
  EXPECT_EQ(serve(prompt), 20);
}

TEST_F(StoreBehindCache, ACacheFullOfPromisesKeepsWhatItFindsLater) {
  const auto prompt = tokens_from(100, 9);
  start({8});
  serve(prompt);
  // Six blocks of eight are promised or leased: nothing may be held.
  const SequenceRef running = rig_->begin(prompt, 28);
  ASSERT_TRUE(rig_->last.ok()) << rig_->last.text;
  EXPECT_EQ(rig_->cache->facts(*running).matched_tokens, 8);
  rig_->cache->settle();
  EXPECT_EQ(store_->stats().blocks, 0);
  ASSERT_TRUE(rig_->cache->end(*running).ok());
  rig_->cache->settle();
  EXPECT_EQ(store_->stats().blocks, 2);
}

TEST_F(StoreBehindCache, AStorageThatFailsStopsKeepingAndNothingElse) {
  const auto first = tokens_from(100, 21);
  const auto second = tokens_from(500, 21);
  start();
  serve(first);
  serve(first);
  rig_->cache->settle();
  EXPECT_FALSE(facts().store_failed);
  fails_ = true;
  serve(second);
  EXPECT_EQ(serve(second), 20);
  rig_->cache->settle();
  EXPECT_TRUE(facts().store_failed);
  EXPECT_EQ(serve(second), 20);
  stop();
  fails_ = false;
  start();
  EXPECT_EQ(serve(first), 20);
}

TEST_F(StoreBehindCache, FillsGoToTheFastestTierWithRoomAndOthersSeeThemWhole) {
  const auto prompt = tokens_from(100, 61);
  start({8, 32});
  serve(prompt);
  stop();
  start({8, 32});
  std::vector<std::thread> users;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    users.emplace_back([&] {
      SequenceRef sequence;
      if (!rig_->cache->begin(options_for(prompt), sequence).ok()) return void(++wrong);
      const std::uint64_t there = rig_->cache->facts(*sequence).matched_tokens;
      if (there != 60 || rig_->wrong(*sequence, std::span(prompt).first(there)) != 0) ++wrong;
      if (!rig_->cache->end(*sequence).ok()) ++wrong;
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(wrong, 0);
  // Each block was filled once, or found by who came later.
  EXPECT_GE(facts().store_hit_blocks, 15);
  rig_->cache->settle();
  EXPECT_EQ(serve(prompt), 60);
}

TEST_F(StoreBehindCache, AFullStoreGivesUpWhatWasUsedLongestAgo) {
  start({64});
  const std::uint64_t capacity = store_->stats().capacity_blocks;
  const auto first = tokens_from(0, 21);
  serve(first);
  serve(first);
  rig_->cache->settle();
  Token next = 1000;
  for (std::uint64_t kept = 5; kept < capacity + 5; kept += 5, next += 100) {
    const auto prompt = tokens_from(next, 21);
    serve(prompt);
    serve(prompt);
    rig_->cache->settle();
  }
  EXPECT_LE(store_->stats().blocks, capacity);
  EXPECT_GT(store_->stats().replaced, 0);
  stop_without_closing();
  start({64});
  EXPECT_LT(serve(first), 20);
  EXPECT_EQ(serve(tokens_from(next - 100, 21)), 20);
}

}  // namespace
}  // namespace terrace::kv
