// SPDX-License-Identifier: Apache-2.0
// Traces through KV caches: what counts as hit, on which tier, and what broken lines say.
#include "tiering/simulate/kv_replay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tiering/simulate/kv_tiers.h"

namespace terrace::simulate::kv_replay_test {
namespace {

class KvReplay : public testing::Test {
 protected:
  ~KvReplay() override { std::filesystem::remove(path_); }
  std::string trace(const std::string& text) {
    path_ = testing::TempDir() + "kv-replay-" + std::to_string(getpid()) + ".jsonl";
    std::ofstream(path_) << text;
    return path_;
  }
  static std::string line(const std::string& ids, std::uint32_t tokens = 2000) {
    return "{\"timestamp\": 1, \"input_length\": " + std::to_string(tokens) +
           ", \"output_length\": 1, \"hash_ids\": [" + ids + "]}\n";
  }
  static KvReplayOptions options(std::uint32_t slots, const char* policy) {
    KvReplayOptions options;
    options.slots = {slots};
    options.policies = {policy::find_kv_policy(policy)};
    return options;
  }

 private:
  std::string path_;
};

TEST_F(KvReplay, CountsABlockWhenAllBeforeItAreThere) {
  const auto path = trace(line("1,2,3") + line("1,9,3") + line("1,2,3,4"));
  const auto outcomes = replay_kv(path, TraceFormat::kMooncake, options(100, "lru"));
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message;
  EXPECT_EQ(outcomes->front().wanted_blocks, 10u);
  EXPECT_DOUBLE_EQ(outcomes->front().hit(), 0.4);
}

TEST_F(KvReplay, GivesOptTheFutureOfTheWholeTrace) {
  const auto path = trace(line("1") + line("2") + line("3") + line("1"));
  EXPECT_DOUBLE_EQ(replay_kv(path, TraceFormat::kMooncake, options(1, "lru"))->front().hit(), 0);
  EXPECT_DOUBLE_EQ(replay_kv(path, TraceFormat::kMooncake, options(1, "opt"))->front().hit(), 0.25);
}

TEST_F(KvReplay, AsksForTheFirstTokenWithWhatIsCached) {
  const auto path = trace(line("1,2", 1024) + line("1,2,3", 1100));
  KvReplayOptions wanted = options(8, "lru");
  wanted.fast_share = 0;
  std::vector<std::uint64_t> asked;
  wanted.first_token = [&](std::uint32_t prompt, std::uint32_t cached, std::uint64_t slow) {
    asked.insert(asked.end(), {prompt, cached, slow});
    return Result<double>(2.0);
  };
  const auto outcomes = replay_kv(path, TraceFormat::kMooncake, wanted);
  ASSERT_TRUE(outcomes.ok());
  const std::vector<std::uint64_t> first(asked.begin() + 9, asked.begin() + 12);
  EXPECT_EQ(first, (std::vector<std::uint64_t>{1100, 1024, 2}));
  EXPECT_DOUBLE_EQ(outcomes->front().first_token_seconds, 2.0);
}

TEST_F(KvReplay, TellsWhatHitsSavedApartFromTheWayOfSlowBlocks) {
  const auto path = trace(line("1,2", 1024) + line("1,2,3", 1536));
  KvReplayOptions wanted = options(8, "lru");
  wanted.fast_share = 0;
  wanted.first_token = [&](std::uint32_t prompt, std::uint32_t cached, std::uint64_t slow) {
    return Result<double>(prompt - cached + 100.0 * static_cast<double>(slow));
  };
  const auto outcomes = replay_kv(path, TraceFormat::kMooncake, wanted);
  ASSERT_TRUE(outcomes.ok());
  EXPECT_DOUBLE_EQ(outcomes->front().first_token_seconds, (1024 + 512 + 200) / 2.0);
  EXPECT_DOUBLE_EQ(outcomes->front().recomputed_seconds, (1024 + 512) / 2.0);
  EXPECT_DOUBLE_EQ(outcomes->front().uncached_seconds, (1024 + 1536) / 2.0);
  EXPECT_DOUBLE_EQ(outcomes->front().saved(), 0.4);
}

TEST_F(KvReplay, NamesTheBrokenLine) {
  for (const char* bad :
       {"{\"input_length\": 5, \"output_length\": 1}\n",
        "{\"input_length\": 5, \"output_length\": 1, \"hash_ids\": [-1]}\n",
        "{\"input_length\": 5, \"output_length\": 1, \"hash_ids\": [1, \"x\"]}\n",
        "{\"input_length\": 2, \"output_length\": 1, \"hash_ids\": [1, 2, 3]}\n", "nonsense\n"}) {
    const auto path = trace(line("1") + bad);
    const auto outcomes = replay_kv(path, TraceFormat::kMooncake, options(4, "lru"));
    ASSERT_FALSE(outcomes.ok()) << bad;
    EXPECT_EQ(outcomes.error().code, ErrorCode::kUsage);
    EXPECT_NE(std::string(outcomes.error().message).find(":2: "), std::string::npos)
        << outcomes.error().message;
  }
}

// The figures of docs/simulator.md.
TEST(KvPublishedTrace, TerraceIsAboveLruAndClosesAnEighthOfItsGapToOpt) {
  const char* folder = std::getenv("TERRACE_TRACES");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "TERRACE_TRACES names no folder with mooncake_conversation.jsonl";
  }
  KvReplayOptions wanted;
  wanted.slots = {1000, 5000, 10000, 20000};
  for (const char* name : {"lru", "terrace", "opt"}) {
    wanted.policies.push_back(policy::find_kv_policy(name));
  }
  const auto outcomes = replay_kv(std::string(folder) + "/mooncake_conversation.jsonl",
                                  TraceFormat::kMooncake, wanted);
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message;
  double closed = 0;
  for (std::size_t i = 0; i < outcomes->size(); i += 3) {
    const double lru = (*outcomes)[i].hit();
    EXPECT_GT((*outcomes)[i + 1].hit(), lru);
    closed += ((*outcomes)[i + 1].hit() - lru) / ((*outcomes)[i + 2].hit() - lru) / 4;
  }
  EXPECT_GE(closed, 0.125);
}

TEST(KvPublishedTrace, WeighingByCostSavesMoreOfTheComputing) {
  const char* folder = std::getenv("TERRACE_TRACES");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "TERRACE_TRACES names no folder with mooncake_conversation.jsonl";
  }
  constexpr double kGrowth = 0.019;
  KvReplayOptions wanted;
  wanted.slots = {5000, 10000};
  wanted.policies = {policy::find_kv_policy("terrace")};
  wanted.first_token = [&](std::uint32_t prompt, std::uint32_t cached, std::uint64_t) {
    const auto work = [](double tokens) {
      return tokens + kGrowth * tokens * tokens / kKvBlockTokens / 2;
    };
    return Result<double>(work(prompt) - work(cached));
  };
  const std::string path = std::string(folder) + "/mooncake_conversation.jsonl";
  const auto flat = replay_kv(path, TraceFormat::kMooncake, wanted);
  wanted.cost.growth = kGrowth;
  const auto weighed = replay_kv(path, TraceFormat::kMooncake, wanted);
  ASSERT_TRUE(flat.ok() && weighed.ok());
  for (std::size_t i = 0; i < flat->size(); ++i) {
    EXPECT_GT((*weighed)[i].saved(), (*flat)[i].saved()) << (*flat)[i].slots;
  }
}

TEST(KvTiersTest, DemotesTheLeastRecentAndPromotesWhatIsHit) {
  KvTiers tiers(4, 2);
  for (policy::KvSlot slot = 0; slot < 3; ++slot) tiers.inserted(slot);
  EXPECT_EQ(tiers.moves(), 1u) << "0 made room for 2";
  tiers.hit(1);
  EXPECT_EQ(tiers.hits_fast(), 1u);
  tiers.hit(0);
  EXPECT_EQ(tiers.hits_slow(), 1u);
  EXPECT_EQ(tiers.moves(), 3u) << "0 came back, 2 left";
  tiers.evicted(1);
  tiers.hit(2);
  EXPECT_EQ(tiers.moves(), 4u) << "into the place that 1 left";
}

}  // namespace
}  // namespace terrace::simulate::kv_replay_test
