// SPDX-License-Identifier: Apache-2.0
// Threads that serve overlapping prompts on one KV-cache of two tiers, each its own sequences:
// nobody reads what it did not write, and nobody waits for ever.
#include <atomic>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>

#include "tests/unit/kv/rig.h"

namespace terrace::kv {
namespace {

void serve(Rig& rig, unsigned seed, std::atomic<std::uint64_t>& served) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Token> tokens(9 + random() % 8);
    for (Token& token : tokens) token = static_cast<Token>(random() % 2);
    SequenceOptions options;
    options.tokens = tokens;
    options.max_tokens = tokens.size();
    SequenceRef sequence;
    if (!rig.cache->begin(options, sequence).ok()) continue;
    const std::size_t found = rig.cache->facts(*sequence).tokens;
    EXPECT_EQ(rig.wrong(*sequence, std::span(tokens).first(found)), 0u);
    EXPECT_TRUE(rig.cache->append(*sequence, std::span(tokens).subspan(found)).ok());
    rig.write(*sequence, tokens, found);
    EXPECT_TRUE(rig.cache->written(*sequence, tokens.size()).ok());
    EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
    if (random() % 2 == 0 && rig.cache->pause(*sequence).ok() &&
        rig.cache->resume(*sequence).ok()) {
      const std::size_t left = rig.cache->facts(*sequence).tokens;
      EXPECT_EQ(rig.wrong(*sequence, std::span(tokens).first(left)), 0u);
    }
    EXPECT_TRUE(rig.cache->end(*sequence).ok());
    ++served;
  }
}

TEST(KvCacheStress, ThreadsReadWhatTheyWrote) {
  for (const unsigned count : {2u, 8u}) {
    Rig rig({.tiers = {16, 24}});
    std::atomic<std::uint64_t> served{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
      threads.emplace_back([&rig, &served, i] { serve(rig, i + 1, served); });
    }
    for (std::thread& thread : threads) thread.join();
    rig.cache->settle();
    EXPECT_GT(served, 0u);
    EXPECT_EQ(rig.cache->facts().sequences + rig.cache->facts().promised_blocks, 0u);
  }
}

/// Blocks are read and written under the lock, shared; a step excludes that, and nothing else.
void serve_between_steps(Rig& rig, std::shared_mutex& reading, unsigned seed,
                         std::atomic<std::uint64_t>& served) {
  std::mt19937_64 random(seed);
  // The thread that steps may hardly get a turn among readers: until it has moved something, too.
  for (int round = 0; round < 4000 || rig.cache->facts().promoted_blocks == 0; ++round) {
    std::vector<Token> tokens(5 + random() % 8);
    for (Token& token : tokens) token = static_cast<Token>(random() % 2);
    SequenceOptions options;
    options.tokens = tokens;
    options.max_tokens = tokens.size() + 6;
    SequenceRef first;
    if (!rig.cache->begin(options, first).ok()) continue;
    const std::size_t found = rig.cache->facts(*first).tokens;
    EXPECT_TRUE(rig.cache->append(*first, std::span(tokens).subspan(found)).ok());
    {
      const std::shared_lock held(reading);
      rig.write(*first, tokens, found);
    }
    EXPECT_TRUE(rig.cache->written(*first, tokens.size()).ok());
    SequenceRef second;
    const bool forked = rig.cache->fork(*first, tokens.size() + 6, second).ok();
    for (const SequenceRef& sequence : {first, second}) {
      if (sequence == nullptr || (sequence == second && !forked)) continue;
      std::vector<Token> longer = tokens;
      for (int i = 0; i < 5; ++i) longer.push_back(static_cast<Token>(random() % 2));
      EXPECT_TRUE(rig.cache->append(*sequence, std::span(longer).subspan(tokens.size())).ok());
      {
        const std::shared_lock held(reading);
        rig.write(*sequence, longer, tokens.size());
        EXPECT_EQ(rig.wrong(*sequence, longer), 0u);
      }
      EXPECT_TRUE(rig.cache->written(*sequence, longer.size()).ok());
      (void)rig.cache->truncate(*sequence, tokens.size() - random() % 3);
      EXPECT_TRUE(rig.cache->end(*sequence).ok());
      ++served;
    }
  }
}

TEST(KvCacheStress, StepsNeverStandInAnAppendsWay) {
  for (const unsigned count : {2u, 8u}) {
    Rig rig({.tiers = {6, 14}});
    std::shared_mutex reading;
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> served{0};
    std::thread steps([&] {
      while (!done) {
        const std::unique_lock held(reading);
        rig.cache->step();
      }
    });
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) {
      threads.emplace_back([&, i] { serve_between_steps(rig, reading, i + 1, served); });
    }
    for (std::thread& thread : threads) thread.join();
    done = true;
    steps.join();
    rig.cache->settle();
    EXPECT_GT(served, 0u);
    EXPECT_GT(rig.cache->facts().promoted_blocks, 0u);
    EXPECT_EQ(rig.cache->facts().sequences + rig.cache->facts().promised_blocks, 0u);
  }
}

}  // namespace
}  // namespace terrace::kv
