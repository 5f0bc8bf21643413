// SPDX-License-Identifier: Apache-2.0
// Damaged request traces: the reader must answer with requests within its limits or with an error
// that names a line, and come to an end. A fixed number of mutations a run; TERRACE_SEED repeats
// it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fuzz/mutate.h"
#include "tiering/simulate/trace_reader.h"

namespace terrace::simulate {
namespace {

const std::string kMooncake =
    "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1, 2]}\n"
    "{\"timestamp\": 3, \"input_length\": 7322, \"output_length\": 490, \"hash_ids\": []}\n";
const std::string kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:15:46.6805900,374,44\n"
    "2023-11-16 18:15:50.9951690,396,109\n";

void check(const std::string& text, TraceFormat format) {
  TraceReader reader(std::make_unique<std::istringstream>(text), "fuzzed", format,
                     PrefixBlocks::kRead);
  // No more requests than lines can be in it.
  for (std::size_t left = text.size() + 2; left > 0; --left) {
    const auto request = reader.next();
    if (!request.ok()) {
      ASSERT_EQ(request.error().code, ErrorCode::kUsage);
      ASSERT_EQ(std::string(request.error().message).rfind("fuzzed:", 0), 0u);
      return;
    }
    if (!request->has_value()) return;
    ASSERT_LE((*request)->context_tokens, kMostTokens);
    ASSERT_LE((*request)->generated_tokens, kMostTokens);
    ASSERT_LE((*request)->prefix_blocks.size(), (*request)->context_tokens);
  }
  FAIL() << "more requests than bytes";
}

TEST(FuzzTrace, ReadsOrRefusesWhateverIsDamaged) {
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !testing::Test::HasFatalFailure(); ++round) {
    check(mutator.damaged_text(kMooncake), TraceFormat::kMooncake);
    check(mutator.damaged_text(kAzure), TraceFormat::kAzure);
    check(mutator.damaged_bytes(kAzure), TraceFormat::kAzure);
  }
}

TEST(FuzzTrace, ReadsOrRefusesTheCorpusAndWhateverIsDamagedInIt) {
  fuzz::Mutator mutator(fuzz::logged_seed());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TERRACE_TRACE_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(file), {}};
    const auto format = trace_format_of(entry.path().string());
    ASSERT_TRUE(format.has_value()) << entry.path();
    check(whole, *format);
    for (int round = 0; round < 3000 && !testing::Test::HasFatalFailure(); ++round) {
      check(mutator.damaged_text(whole), *format);
    }
    ++files;
  }
  EXPECT_GE(files, 4);
}

TEST(FuzzTrace, EndsOnEveryPrefix) {
  for (std::size_t cut = 0; cut <= kMooncake.size(); ++cut) {
    check(kMooncake.substr(0, cut), TraceFormat::kMooncake);
  }
  for (std::size_t cut = 0; cut <= kAzure.size(); ++cut) {
    check(kAzure.substr(0, cut), TraceFormat::kAzure);
  }
}

}  // namespace
}  // namespace terrace::simulate
