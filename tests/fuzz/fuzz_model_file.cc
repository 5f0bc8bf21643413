// SPDX-License-Identifier: Apache-2.0
// Damaged model files through the whole way to a shape and its load: an error, or a model whose
// tensors lie within the file. A fixed number of mutants; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include "tests/fuzz/inputs.h"
#include "tests/fuzz/mutate.h"
#include "tests/unit/model/model_files.h"
#include "tiering/model/model_file_readers.h"

namespace terrace::model::fuzz_model_file {
namespace {

template <typename Input>
void expect_some_read(int rounds, const Input& read_mutant) {
  int read = 0;
  for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round)
    read += read_mutant();
  EXPECT_GT(read, 0);
  EXPECT_LT(read, rounds);
}

TEST(FuzzModelFile, GgufIsSoundOrRefused) {
  const std::string whole = fixture::tiny_model_gguf();
  ASSERT_TRUE(fuzz::gguf_input(whole));
  fuzz::Mutator mutator(fuzz::logged_seed());
  expect_some_read(20000, [&] { return fuzz::gguf_input(mutator.damaged_bytes(whole)); });
}

TEST(FuzzModelFile, SafetensorsAreSoundOrRefused) {
  const std::string whole = fixture::tiny_safetensors();
  ASSERT_TRUE(fuzz::safetensors_input(whole));
  fuzz::Mutator mutator(fuzz::logged_seed());
  expect_some_read(20000, [&] { return fuzz::safetensors_input(mutator.damaged_text(whole)); });
}

TEST(FuzzModelFile, AConfigIsSoundOrRefused) {
  const std::string whole = fixture::tiny_config();
  ASSERT_TRUE(fuzz::model_config_input(whole));
  fuzz::Mutator mutator(fuzz::logged_seed());
  expect_some_read(20000, [&] { return fuzz::model_config_input(mutator.damaged_text(whole)); });
}

TEST(FuzzModelFile, AnIndexIsReadOrRefused) {
  const std::string whole =
      R"({"metadata":{"total_size":1},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})";
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !HasFatalFailure(); ++round) {
    const auto files = parse_safetensors_index(mutator.damaged_text(whole), "i.json");
    if (!files) {
      ASSERT_EQ(files.error().code, ErrorCode::kUsage);
      ASSERT_NE(files.error().message[0], '\0');
      continue;
    }
    ASSERT_FALSE(files->empty());
    for (const std::string& file : *files) ASSERT_EQ(file.find('/'), std::string::npos);
  }
}

}  // namespace
}  // namespace terrace::model::fuzz_model_file
