// SPDX-License-Identifier: Apache-2.0
#include "tiering/wall/points_file.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::wall::points_file_test {
namespace {

using testing::HasSubstr;

constexpr const char* kGood =
    "# published speeds\n"
    "hardware,peak_gbps,model,quant,gib,context,tok_s,source\n"
    "RTX 4090,1008,llama3-8b,Q4_K_M,4.58,512,130.58,X\n"
    "\n"
    "\"Xeon, two of them\",614,deepseek-v3,Q4_K_M,,,12.2,\"K \"\"v0.2\"\"\"\r\n";

std::string message_for(const std::string& text) {
  const auto rows = parse_points(text, "points.csv");
  return rows.ok() ? "" : rows.error().message;
}

std::string with_line(const std::string& line) {
  return "hardware,peak_gbps,model,quant,gib,context,tok_s,source\n" + line + "\n";
}

TEST(PointsFile, ReadsRowsCommentsQuotesAndEmptyFields) {
  const auto rows = parse_points(kGood, "points.csv");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].line, 3u);
  EXPECT_EQ((*rows)[0].hardware, "RTX 4090");
  EXPECT_DOUBLE_EQ((*rows)[0].file_gib, 4.58);
  EXPECT_EQ((*rows)[1].hardware, "Xeon, two of them");
  EXPECT_EQ((*rows)[1].source, "K \"v0.2\"");
  EXPECT_DOUBLE_EQ((*rows)[1].context, 0);
}

TEST(PointsFile, TakesColumnsInAnyOrderAndLeavesOthersAlone) {
  const auto rows = parse_points(
      "tok_s,note,source,quant,model,hardware,context,gib,peak_gbps\n"
      "7,seen,X,F16,llama2-7b,H100,0,12.6,2039\n",
      "points.csv");
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_DOUBLE_EQ((*rows)[0].tokens_per_second, 7);
  EXPECT_DOUBLE_EQ((*rows)[0].peak_gbps, 2039);
}

TEST(PointsFile, BrokenLinesAreNamedWithTheirPlaceAndReason) {
  EXPECT_EQ(message_for(with_line("RTX 4090,1008,llama3-8b")),
            "points.csv:2: 3 fields where the header has 8");
  EXPECT_EQ(message_for(with_line("RTX 4090,fast,llama3-8b,F16,1,1,1,X")),
            "points.csv:2: peak_gbps is \"fast\", no number above 0");
  EXPECT_EQ(message_for(with_line("RTX 4090,1008,llama3-8b,F16,1,1,-4,X")),
            "points.csv:2: tok_s is \"-4\", no number above 0");
  EXPECT_EQ(message_for(with_line("RTX 4090,1008,llama3-8b,F16,1,-1,4,X")),
            "points.csv:2: context is \"-1\", no number from 0");
  EXPECT_EQ(message_for(with_line("RTX 4090,nan,llama3-8b,F16,1,1,4,X")),
            "points.csv:2: peak_gbps is \"nan\", no number above 0");
  EXPECT_EQ(message_for(with_line("RTX 4090,1008,,F16,1,1,4,X")), "points.csv:2: no model");
  EXPECT_EQ(message_for(with_line("\"RTX,1008,a,F16,1,1,4,X")),
            "points.csv:2: a double quote is not closed");
  EXPECT_THAT(message_for("hardware,peak,model\nx,1,y\n"),
              HasSubstr("points.csv:1: the header lacks the column \"peak_gbps\""));
  EXPECT_EQ(message_for("# nothing\n"), "points.csv:1: no points in the file");
  EXPECT_EQ(message_for(""), "points.csv:1: no points in the file");
}

TEST(PointsFile, AMissingFileIsAnInputOutputError) {
  const auto rows = read_points("/nonexistent/points.csv");
  ASSERT_FALSE(rows.ok());
  EXPECT_EQ(rows.error().code, ErrorCode::kIo);
}

TEST(PointsFile, MutatedFilesGiveRowsOrAnErrorWithItsPlace) {
  std::mt19937 random(20260101);
  RecordProperty("seed", 20260101);
  for (int round = 0; round < 20000; ++round) {
    std::string text = kGood;
    for (int edits = 1 + static_cast<int>(random() % 4); edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 8);
      } else {
        text[at] = static_cast<char>(random());
      }
      if (text.empty()) break;
    }
    const auto rows = parse_points(text, "points.csv");
    if (rows.ok()) {
      for (const PointRow& row : *rows) EXPECT_GT(row.tokens_per_second, 0);
    } else {
      EXPECT_THAT(rows.error().message, testing::StartsWith("points.csv:"));
    }
  }
}

}  // namespace
}  // namespace terrace::wall::points_file_test
