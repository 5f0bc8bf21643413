// SPDX-License-Identifier: Apache-2.0
// Threads that serve overlapping prompts on one KV-cache of two tiers, each its own sequences:
// nobody reads what it did not write.
#include <atomic>
#include <random>
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

}  // namespace
}  // namespace terrace::kv
