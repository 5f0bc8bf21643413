// SPDX-License-Identifier: Apache-2.0
// Lists of random operations on KV-caches through the C API, each followed by a model: one thread
// on several caches of a context, then several threads on one cache. TERRACE_KV_SEEDS: how many
// lists of each kind are tried, 6 when not set.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/capi/kv_model.h"

namespace terrace::capi_test {
namespace {

unsigned seeds() {
  const char* const text = std::getenv("TERRACE_KV_SEEDS");
  const int number = text != nullptr ? std::atoi(text) : 0;
  return number > 0 ? static_cast<unsigned>(number) : 6;
}

/// All slots that were not lost can be had at once.
void expect_all_slots(terrace_kv cache) {
  terrace_kv_info info = info_of(cache);
  EXPECT_EQ(info.sequences + info.paused_sequences + info.promised_blocks, 0u);
  EXPECT_EQ(info.used_blocks[0] + info.used_blocks[1], 0u);
  for (std::uint32_t tenant = 0; tenant < 3; ++tenant) {
    ASSERT_EQ(terrace_kv_set_limit(cache, tenant, ~std::uint64_t{0}), TERRACE_OK);
  }
  std::uint64_t slots = info.tier_blocks[0] + info.tier_blocks[1];
  const Tokens tokens = tokens_from(1000, slots * kBlockTokens);
  auto options = begin_options(tokens, tokens.size());
  terrace_sequence sequence{};
  while (terrace_sequence_begin(cache, &options, &sequence, nullptr) != TERRACE_OK) {
    ASSERT_GT(slots + 3, info.tier_blocks[0] + info.tier_blocks[1]) << terrace_last_error();
    options.token_count = options.max_tokens = --slots * kBlockTokens;
  }
  const KvServer server(cache);
  fill(server, sequence,
       Tokens(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(slots * kBlockTokens)),
       0);
  EXPECT_EQ(terrace_sequence_end(sequence), TERRACE_OK);
}

struct ServedCache {
  explicit ServedCache(const KvMachine& machine, const KvWish& wish, unsigned seed)
      : cache(open_kv(machine.context, wish)), model(cache, Company::kAlone, seed, reading) {}
  terrace_kv cache;
  std::shared_mutex reading;
  KvModel model;
};

/// A few caches in turn; now and then one is closed, with all its sequences, and opened anew.
void run_list(KvMachine& machine, const KvWish& wish, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<ServedCache>> caches;
  for (unsigned i = 0; i < 2; ++i) {
    caches.push_back(std::make_unique<ServedCache>(machine, wish, seed * 2 + i));
  }
  for (int i = 0; i < 1200; ++i) {
    SCOPED_TRACE("operation " + std::to_string(i));
    auto& served = caches[random() % caches.size()];
    served->model.operate();
    if (!testing::Test::HasFailure()) served->model.check();
    if (testing::Test::HasFailure()) return;
    if (random() % 300 != 0) continue;
    const terrace_kv closed = served->cache;
    ASSERT_EQ(terrace_kv_close(closed), TERRACE_OK) << terrace_last_error();
    ASSERT_EQ(terrace_kv_step(closed), TERRACE_BAD_HANDLE);
    served = std::make_unique<ServedCache>(machine, wish, static_cast<unsigned>(random()));
  }
  for (auto& served : caches) {
    EXPECT_GT(served->model.done, 0u);
    served->model.end_all();
    expect_all_slots(served->cache);
    EXPECT_EQ(terrace_kv_close(served->cache), TERRACE_OK);
  }
  EXPECT_EQ(machine.used(0) + machine.used(1), 0u);
}

void run_lists(const KvWish& wish) {
  KvMachine machine;
  for (unsigned seed = 1; seed <= seeds() && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    run_list(machine, wish, seed);
  }
}

TEST(KvOperations, KeepToTheModelOnOneTier) {
  run_lists({.blocks = {24}, .policy = "lru"});
}
TEST(KvOperations, KeepToTheModelOnTwoTiers) {
  run_lists({.blocks = {12, 20}, .policy = "lru"});
}
TEST(KvOperations, KeepToTheModelUnderTheLearntPolicy) {
  run_lists({.blocks = {8, 24}, .policy = "terrace"});
}
TEST(KvOperations, KeepToTheModelInTightPools) {
  run_lists({.blocks = {2, 12}, .policy = "s3fifo"});
}

void run_threads(unsigned count) {
  KvMachine machine;
  for (unsigned seed = 1; seed <= (seeds() + 2) / 3 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const terrace_kv cache = open_kv(machine.context, {.blocks = {24, 40}});
    std::shared_mutex reading;
    std::atomic<std::size_t> done{0};
    {
      std::vector<std::jthread> threads;
      for (unsigned i = 0; i < count; ++i) {
        threads.emplace_back([&reading, &done, cache, seed, i] {
          KvModel model(cache, Company::kOthers, seed * 100 + i, reading);
          for (int k = 0; k < 600 && !testing::Test::HasFailure(); ++k) {
            model.operate();
            if (k % 4 == 0 && !testing::Test::HasFailure()) model.check();
          }
          model.end_all();
          done += model.done;
        });
      }
    }
    if (testing::Test::HasFailure()) return;
    EXPECT_GT(done, 100u);
    const terrace_kv_info info = info_of(cache);
    EXPECT_EQ(info.sequences + info.paused_sequences + info.promised_blocks, 0u);
    EXPECT_EQ(info.used_blocks[0] + info.used_blocks[1], 0u);
    EXPECT_EQ(terrace_kv_close(cache), TERRACE_OK);
  }
}

TEST(KvOperations, OfTwoThreadsOnOneCacheReadWhatTheyWrote) {
  run_threads(2);
}
TEST(KvOperations, OfEightThreadsOnOneCacheReadWhatTheyWrote) {
  run_threads(8);
}

}  // namespace
}  // namespace terrace::capi_test
