// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/trace_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tiering/simulate/trace_workload.h"

namespace terrace::simulate::trace_reader_test {
namespace {

using ::testing::HasSubstr;

TraceReader reader_of(const std::string& text, TraceFormat format) {
  return {std::make_unique<std::istringstream>(text), "trace", format};
}

std::string error_of(const std::string& text, TraceFormat format) {
  TraceReader reader = reader_of(text, format);
  while (true) {
    const auto request = reader.next();
    if (!request.ok()) return request.error().message;
    if (!request->has_value()) return "no error";
  }
}

TEST(TraceReader, ReadsMooncakesLines) {
  TraceReader reader = reader_of(
      "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1]}\n"
      "\n"
      "{\"output_length\": 3, \"input_length\": 12, \"timestamp\": 7}",
      TraceFormat::kMooncake);
  const auto first = reader.next();
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ((*first)->context_tokens, 6758u);
  EXPECT_EQ((*first)->generated_tokens, 500u);
  const auto second = reader.next();
  ASSERT_TRUE(second.ok() && second->has_value());
  EXPECT_EQ((*second)->context_tokens, 12u);
  const auto end = reader.next();
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->has_value());
}

TEST(TraceReader, ReadsAzuresLines) {
  TraceReader reader =
      reader_of("TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n",
                TraceFormat::kAzure);
  const auto request = reader.next();
  ASSERT_TRUE(request.ok() && request->has_value()) << request.error().message;
  EXPECT_EQ((*request)->context_tokens, 374u);
  EXPECT_EQ((*request)->generated_tokens, 44u);
}

TEST(TraceReader, NamesTheLineThatIsBroken) {
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  EXPECT_THAT(error_of("a,b\n", TraceFormat::kAzure), HasSubstr("trace:1: the first line"));
  EXPECT_THAT(error_of(header + "t,1,2\nt,1\n", TraceFormat::kAzure),
              HasSubstr("trace:3: not three fields"));
  EXPECT_THAT(error_of(header + "t,x,2\n", TraceFormat::kAzure),
              HasSubstr("trace:2: ContextTokens \"x\""));
  EXPECT_THAT(error_of(header + "t,1,-2\n", TraceFormat::kAzure), HasSubstr("GeneratedTokens"));
  EXPECT_THAT(error_of(header + ",1,2\n", TraceFormat::kAzure), HasSubstr("no TIMESTAMP"));
  const std::string good = "{\"input_length\": 1, \"output_length\": 2}\n";
  EXPECT_THAT(error_of(good + "{\"input_length\": 1\n", TraceFormat::kMooncake),
              HasSubstr("trace:2: no JSON object"));
  EXPECT_THAT(error_of(good + good + "{\"input_length\": 1}\n", TraceFormat::kMooncake),
              HasSubstr("trace:3: the request has no \"output_length\""));
  EXPECT_THAT(error_of("{\"input_length\": 1e9, \"output_length\": 2}\n", TraceFormat::kMooncake),
              HasSubstr("no count of tokens"));
}

TEST(TraceReader, RefusesAMissingAndAnEmptyFile) {
  const auto missing = count_requests("/nonexistent/trace.csv", TraceFormat::kAzure);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  const auto empty = count_requests("/dev/null", TraceFormat::kAzure);
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().code, ErrorCode::kUsage);
}

TEST(TraceReader, KnowsFormatsByTheFilesName) {
  EXPECT_EQ(trace_format_of("a/b.jsonl"), TraceFormat::kMooncake);
  EXPECT_EQ(trace_format_of("b.csv"), TraceFormat::kAzure);
  EXPECT_EQ(trace_format_of("b.session"), std::nullopt);
}

// A small trace written here: sequences grow, end, and give their blocks back.
TEST(TraceWorkload, KeepsItsBlocksInOrder) {
  const std::string path = testing::TempDir() + "terrace_trace_workload.csv";
  {
    std::ofstream file(path);
    file << "TIMESTAMP,ContextTokens,GeneratedTokens\n";
    for (int i = 0; i < 40; ++i) file << "t," << 10 + 37 * i << "," << 1 + i % 9 << "\n";
  }
  const ServerShape shape{32, 128, 16, 4};
  const auto workload = make_trace_workload(path, TraceFormat::kAzure, shape, 0);
  ASSERT_TRUE(workload.ok()) << workload.error().message;
  std::vector<char> alive((*workload)->layout().blocks(), 0);
  std::vector<Event> events;
  int steps = 0;
  while ((*workload)->next_step(events)) {
    ++steps;
    for (const Event& event : events) {
      for (std::uint32_t b = event.first; b < event.first + event.count; ++b) {
        if (event.kind == EventKind::kAllocate) {
          ASSERT_FALSE(alive[b]) << "block " << b << " in step " << steps;
          alive[b] = 1;
        } else {
          ASSERT_TRUE(alive[b]) << "block " << b << " in step " << steps;
          if (event.kind == EventKind::kRelease) alive[b] = 0;
        }
      }
    }
    events.clear();
  }
  EXPECT_GT(steps, 40);
  for (std::uint32_t b = shape.weight_blocks; b < alive.size(); ++b) EXPECT_FALSE(alive[b]) << b;
  std::filesystem::remove(path);
}

// The published traces, where TERRACE_TRACES names their folder.
TEST(TraceReader, ReadsThePublishedTraces) {
  const char* folder = std::getenv("TERRACE_TRACES");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    GTEST_SKIP() << "TERRACE_TRACES names no folder with mooncake_conversation.jsonl and "
                    "azure_2023_conv.csv";
  }
  const std::string base = std::string(folder) + "/";
  const auto mooncake =
      count_requests(base + "mooncake_conversation.jsonl", TraceFormat::kMooncake);
  ASSERT_TRUE(mooncake.ok()) << mooncake.error().message;
  EXPECT_EQ(*mooncake, 12031u);
  const auto azure = count_requests(base + "azure_2023_conv.csv", TraceFormat::kAzure);
  ASSERT_TRUE(azure.ok()) << azure.error().message;
  EXPECT_EQ(*azure, 19366u);
}

}  // namespace
}  // namespace terrace::simulate::trace_reader_test
