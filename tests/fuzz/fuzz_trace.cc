// SPDX-License-Identifier: Apache-2.0
// Damaged request traces: the reader must answer with requests within its limits or with an error
// that names a line, and come to an end. A fixed number of mutations a run; TERRACE_SEED repeats
// it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fuzz/inputs.h"
#include "tests/fuzz/mutate.h"

namespace terrace::simulate::fuzz_trace {
namespace {

const std::string kMooncake =
    "{\"timestamp\": 0, \"input_length\": 6758, \"output_length\": 500, \"hash_ids\": [0, 1, 2]}\n"
    "{\"timestamp\": 3, \"input_length\": 7322, \"output_length\": 490, \"hash_ids\": []}\n";
const std::string kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    "2023-11-16 18:15:46.6805900,374,44\n"
    "2023-11-16 18:15:50.9951690,396,109\n";

TEST(FuzzTrace, ReadsOrRefusesWhateverIsDamaged) {
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !testing::Test::HasFailure(); ++round) {
    fuzz::trace_input(mutator.damaged_text(kMooncake));
    fuzz::trace_input(mutator.damaged_text(kAzure));
    fuzz::trace_input(mutator.damaged_bytes(kAzure));
  }
}

TEST(FuzzTrace, ReadsOrRefusesTheCorpusAndWhateverIsDamagedInIt) {
  fuzz::Mutator mutator(fuzz::logged_seed());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TERRACE_TRACE_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(file), {}};
    fuzz::trace_input(whole);
    for (int round = 0; round < 3000 && !testing::Test::HasFailure(); ++round) {
      fuzz::trace_input(mutator.damaged_text(whole));
    }
    ++files;
  }
  EXPECT_GE(files, 4);
}

TEST(FuzzTrace, EndsOnEveryPrefix) {
  for (std::size_t cut = 0; cut <= kMooncake.size(); ++cut) {
    fuzz::trace_input(kMooncake.substr(0, cut));
  }
  for (std::size_t cut = 0; cut <= kAzure.size(); ++cut) {
    fuzz::trace_input(kAzure.substr(0, cut));
  }
}

}  // namespace
}  // namespace terrace::simulate::fuzz_trace
