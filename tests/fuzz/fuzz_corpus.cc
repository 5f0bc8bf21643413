// SPDX-License-Identifier: Apache-2.0
// Every file of tests/fuzz/corpus through its reader: good input that must be read, and finds of
// libFuzzer, which must not come back.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/inputs.h"

namespace terrace::fuzz::fuzz_corpus {
namespace {

struct Format {
  const char* name;  ///< of the folder
  int (*input)(const std::string&);
};

class FuzzCorpus : public testing::TestWithParam<Format> {};

TEST_P(FuzzCorpus, EveryFileIsSoundOrRefused) {
  int read = 0;
  const std::filesystem::path folder = std::filesystem::path(TERRACE_CORPUS) / GetParam().name;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const int of_this = GetParam().input(bytes);
    // What a writer of ours made is named so.
    const bool good = entry.path().filename().string().rfind("good", 0) == 0;
    EXPECT_TRUE(of_this > 0 || !good) << "good input was refused";
    read += of_this;
  }
  EXPECT_GT(read, 0) << "nothing in the folder reaches beyond the first check";
}

INSTANTIATE_TEST_SUITE_P(
    Formats, FuzzCorpus,
    testing::Values(Format{"session", sealed_session_input}, Format{"segments", segments_input},
                    Format{"sample_record", sample_record_input}, Format{"gguf", gguf_input},
                    Format{"safetensors", safetensors_input},
                    Format{"model_config", model_config_input},
                    Format{"plan_json", plan_json_input}, Format{"plan_flat", plan_flat_input},
                    Format{"trace", trace_input}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace terrace::fuzz::fuzz_corpus
