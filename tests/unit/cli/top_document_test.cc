// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/top_document.h"

#include <gtest/gtest.h>

#include "tests/unit/cli/top_sample.h"

namespace terrace::cli::top_document_test {
namespace {

using Json = nlohmann::ordered_json;

Json moved_answer() {
  Json answer = sample_answer();
  answer["tiers"][0]["used_bytes"] = 113246208 - 20971520;
  answer["tiers"][1]["used_bytes"] = 2097152 + 20971520;
  answer["tiers"][1]["delivered_bytes"] = 3000000000;
  answer["largest"][0]["tiers"] =
      Json::parse(R"([{"name": "dram", "blocks": 40}, {"name": "slow", "blocks": 10}])");
  answer["placed_late"] = 4;
  return answer;
}

TEST(TopDocument, BandwidthIsWhatALinkDeliveredAndUnknownElsewhere) {
  const Json document = top_document(sample_answer(), moved_answer(), 2);
  EXPECT_TRUE(document["tiers"][0]["bytes_per_second"].is_null());
  EXPECT_TRUE(document["tiers"][0]["bandwidth_from"].is_null());
  EXPECT_DOUBLE_EQ(document["tiers"][1]["bytes_per_second"], 1e9);
  EXPECT_EQ(document["tiers"][1]["bandwidth_from"], "link");
  EXPECT_EQ(document["tiers"][0]["grown_bytes"], -20971520);
}

TEST(TopDocument, TakesWhatARecordingSaysOfATier) {
  Json answer = sample_answer();
  answer["tiers"][0]["recorded_bytes_per_second"] = 5e9;
  const Json document = top_document(answer, answer, 1);
  EXPECT_DOUBLE_EQ(document["tiers"][0]["bytes_per_second"], 5e9);
  EXPECT_EQ(document["tiers"][0]["bandwidth_from"], "recording");
}

TEST(TopDocument, AMoveHasBothEndsAndBytes) {
  const Json document = top_document(sample_answer(), moved_answer(), 1);
  ASSERT_EQ(document["moves"].size(), 1u);
  EXPECT_EQ(document["moves"][0]["from"], "dram");
  EXPECT_EQ(document["moves"][0]["to"], "slow");
  EXPECT_EQ(document["moves"][0]["bytes"], 10u * (2 << 20));
  ASSERT_EQ(document["recent"].size(), 2u);
  EXPECT_EQ(document["recent"][0]["text"], "moved 20.0 MiB from dram to slow: weights.gguf");
  EXPECT_EQ(document["recent"][1]["text"], "3 objects placed late");
}

TEST(TopDocument, OneIsNotCountedAsMany) {
  Json now = sample_answer();
  now["placed_late"] = now.value("placed_late", 0) + 1;
  now["memory_errors"] = now.value("memory_errors", 0) + 1;
  const Json document = top_document(sample_answer(), now, 1);
  ASSERT_EQ(document["recent"].size(), 2u);
  EXPECT_EQ(document["recent"][0]["text"], "1 object placed late");
  EXPECT_EQ(document["recent"][1]["text"], "1 memory error");
}

TEST(TopDocument, PlacingLateIsAMoveFromOrdinaryMemory) {
  Json before = sample_answer();
  before["largest"][1]["tiers"] = Json::array();
  before["largest"][1]["pages"] = "ordinary";
  const Json document = top_document(before, sample_answer(), 1);
  ASSERT_EQ(document["moves"].size(), 2u) << "it came to lie on two tiers";
  EXPECT_EQ(document["moves"][0]["from"], "ordinary");
  EXPECT_EQ(document["moves"][0]["to"], "dram");
}

TEST(TopDocument, ObjectsThatOneAnswerAloneNamesHaveNotMoved) {
  Json later = moved_answer();
  later["largest"][0]["id"] = 9;
  EXPECT_TRUE(top_document(sample_answer(), later, 1)["moves"].empty());
}

TEST(TopDocument, EventsGrowOldAndGo) {
  const Json first = top_document(sample_answer(), moved_answer(), 1);
  const Json second = top_document(first, moved_answer(), 30);
  ASSERT_EQ(second["recent"].size(), 2u);
  EXPECT_EQ(second["recent"][0]["age_ms"], 30000u);
  EXPECT_TRUE(second["moves"].empty());
  EXPECT_TRUE(top_document(second, moved_answer(), 31)["recent"].empty());
}

TEST(TopDocument, AProgramThatCountsFromZeroAgainHasNoNegativeRates) {
  const Json document = top_document(moved_answer(), sample_answer(), 1);
  EXPECT_DOUBLE_EQ(document["tiers"][1]["bytes_per_second"], 0);
  for (const Json& event : document["recent"]) {
    EXPECT_EQ(event["text"].get<std::string>().find("placed late"), std::string::npos);
  }
}

TEST(TopDocument, NothingHasChangedAtTheFirstLook) {
  const Json document = top_document(sample_answer(), sample_answer(), 0);
  EXPECT_TRUE(document["recent"].empty());
  EXPECT_TRUE(document["tiers"][1]["bytes_per_second"].is_null());
}

}  // namespace
}  // namespace terrace::cli::top_document_test
