// SPDX-License-Identifier: Apache-2.0
// Requests through the real cache against the replay of `terrace simulate kv`: what the simulator
// says of a policy has to hold of the cache that holds bytes. A block is one token here, named by
// its hash, and each prompt ends with a token of its own, since one is left to compute always.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <random>

#include "allocators/kv/cache.h"
#include "tiering/policy/kv/prefix_cache.h"
#include "tiering/simulate/trace_reader.h"

namespace terrace::kv {
namespace {

using Blocks = std::vector<ChainHash>;

struct Hits {
  std::uint64_t wanted = 0;
  std::uint64_t hit = 0;
  double share() const { return static_cast<double>(hit) / static_cast<double>(wanted); }
};

Hits replayed(const std::vector<Blocks>& requests, std::uint32_t slots, const char* policy) {
  policy::PrefixCache cache(slots, policy::find_kv_policy(policy)->make({.slots = slots}), nullptr);
  Hits hits;
  for (const Blocks& blocks : requests) {
    const policy::KvServed served = cache.begin(blocks);
    cache.end(blocks, served.leased_blocks);
    hits.wanted += blocks.size();
    hits.hit += served.hit_blocks;
  }
  return hits;
}

/// One sequence after the other, as in the replay.
class RealCache {
 public:
  /// One slot of the last tier is for the last token of the prompt at hand.
  RealCache(std::vector<std::uint32_t> tiers, const char* policy) {
    ++tiers.back();
    CacheOptions options;
    options.shape = {1, 1, Bytes(kBlockBytes)};
    memory_.resize(std::accumulate(tiers.begin(), tiers.end(), std::size_t{0}) * kBlockBytes);
    std::byte* at = memory_.data();
    for (const std::uint32_t blocks : tiers) {
      options.tiers.push_back({at, blocks});
      at += blocks * kBlockBytes;
    }
    const auto* const spec = policy::find_kv_policy(policy);
    const auto extent = tiers.size() > 1 ? policy::KvExtent::kTier : policy::KvExtent::kCache;
    options.make_policy = [spec, extent](std::uint32_t slots) {
      return spec->make({.slots = slots, .extent = extent});
    };
    auto made = Cache::create(std::move(options));
    EXPECT_TRUE(made.ok());
    cache_ = std::move(made.value());
  }

  Hits serve(const std::vector<Blocks>& requests) {
    Hits hits;
    for (const Blocks& blocks : requests) {
      hits.wanted += blocks.size();
      hits.hit += serve_one(blocks);
    }
    return hits;
  }

 private:
  static constexpr std::uint64_t kBlockBytes = 64;

  std::uint64_t serve_one(const Blocks& blocks) {
    std::vector<Token> tokens(blocks.begin(), blocks.end());
    tokens.push_back(-1);
    SequenceOptions options;
    options.tokens = tokens;
    options.max_tokens = tokens.size();
    SequenceRef sequence;
    const Outcome begun = cache_->begin(options, sequence);
    EXPECT_TRUE(begun.ok()) << begun.text;
    if (!begun.ok()) return 0;
    const std::uint64_t matched = cache_->facts(*sequence).matched_tokens;
    EXPECT_TRUE(cache_->append(*sequence, std::span(tokens).subspan(matched)).ok());
    EXPECT_TRUE(cache_->written(*sequence, blocks.size()).ok());
    EXPECT_TRUE(cache_->end(*sequence).ok());
    cache_->settle();
    return matched;
  }

  std::vector<std::byte> memory_;
  std::unique_ptr<Cache> cache_;
};

/// Conversations that go on or break off behind a few common beginnings, and single questions.
std::vector<Blocks> conversations(std::uint64_t seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<Blocks> requests;
  std::vector<Blocks> going;
  ChainHash next = 1000;
  while (requests.size() < count) {
    Blocks blocks;
    if (!going.empty() && random() % 10 < 6) {
      const std::size_t which = random() % going.size();
      blocks = going[which];
      going.erase(going.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      for (ChainHash i = 0, head = random() % 3; i < 4; ++i) blocks.push_back(10 * head + i);
    }
    for (std::size_t more = 1 + random() % 12; more > 0; --more) blocks.push_back(next++);
    requests.push_back(blocks);
    if (random() % 4 != 0 && blocks.size() < 80) going.push_back(std::move(blocks));
    if (going.size() > 120) going.erase(going.begin());
  }
  return requests;
}

TEST(KvTrace, TheCacheHitsWhatTheReplayOfLruHits) {
  const std::vector<Blocks> requests = conversations(1, 2000);
  for (const std::uint32_t slots : {150u, 600u, 2000u}) {
    const Hits replay = replayed(requests, slots, "lru");
    EXPECT_EQ(RealCache({slots}, "lru").serve(requests).hit, replay.hit) << slots;
    EXPECT_GT(replay.hit, 0u);
  }
}
// A sequence's blocks have to be somewhere while it runs, and what `terrace` would give no place is
// the first to go after that. On the published trace that costs 0.005 of the blocks at most.
TEST(KvTrace, TheCacheHitsNearlyWhatTheReplayOfTerraceHits) {
  const std::vector<Blocks> requests = conversations(2, 2000);
  for (const std::uint32_t slots : {150u, 600u, 2000u}) {
    const double replay = replayed(requests, slots, "terrace").share();
    EXPECT_NEAR(RealCache({slots}, "terrace").serve(requests).share(), replay, 0.01) << slots;
  }
}

// An eighth of the fast tier is kept free, and each tier's policy knows its own blocks alone.
TEST(KvTrace, TwoTiersHitNearlyWhatOneOfTheirSizeHits) {
  const std::vector<Blocks> requests = conversations(2, 2000);
  for (const std::uint32_t slots : {300u, 600u, 2000u}) {
    const double one = RealCache({slots}, "terrace").serve(requests).share();
    EXPECT_NEAR(RealCache({slots / 3, slots - slots / 3}, "terrace").serve(requests).share(), one,
                0.03)
        << slots;
  }
}

std::vector<Blocks> published_requests() {
  const char* folder = std::getenv("TERRACE_TRACES");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) return {};
  auto reader =
      simulate::TraceReader::open(std::string(folder) + "/mooncake_conversation.jsonl",
                                  simulate::TraceFormat::kMooncake, simulate::PrefixBlocks::kRead);
  EXPECT_TRUE(reader.ok());
  std::vector<Blocks> requests;
  while (reader.ok()) {
    const auto request = reader->next();
    EXPECT_TRUE(request.ok());
    if (!request.ok() || !request->has_value()) break;
    requests.push_back((*request)->prefix_blocks);
  }
  return requests;
}

TEST(KvTrace, HoldsForThePublishedTrace) {
  const std::vector<Blocks> requests = published_requests();
  if (requests.empty())
    GTEST_SKIP() << "TERRACE_TRACES names no folder with mooncake_conversation.jsonl";
  for (const std::uint32_t slots : {1000u, 10000u}) {
    EXPECT_EQ(RealCache({slots}, "lru").serve(requests).hit, replayed(requests, slots, "lru").hit);
    EXPECT_NEAR(RealCache({slots}, "terrace").serve(requests).share(),
                replayed(requests, slots, "terrace").share(), 0.006)
        << slots;
    EXPECT_NEAR(RealCache({slots / 2, slots / 2}, "terrace").serve(requests).share(),
                replayed(requests, slots, "terrace").share(), 0.018)
        << slots;
  }
}

}  // namespace
}  // namespace terrace::kv
