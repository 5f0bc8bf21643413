// SPDX-License-Identifier: Apache-2.0
// Damaged model files through the whole way to a shape and its load: an error, or a model whose
// tensors lie within the file. A fixed number of mutants; TERRACE_SEED repeats a run.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/fuzz/mutate.h"
#include "tests/unit/model/model_files.h"
#include "tiering/model/decode_load.h"
#include "tiering/model/model_file_readers.h"

namespace terrace::model {
namespace {

void expect_sound(const LanguageModel& model) {
  const auto load =
      decode_load(model, *find_quantisation("stored"), **find_format("q8_0"), {100, 2, {0}});
  ASSERT_TRUE(load.ok());
  ASSERT_TRUE(std::isfinite(load->flops) && load->flops >= 0);
  ASSERT_TRUE(std::isfinite(load->read_bytes()) && load->read_bytes() >= 0);
}

void expect_clear(const Error& error) {
  ASSERT_TRUE(error.code == ErrorCode::kUsage || error.code == ErrorCode::kIo);
  ASSERT_NE(error.message[0], '\0');
}

TEST(FuzzModelFile, GgufIsSoundOrRefused) {
  const std::string whole = fixture::tiny_model_gguf();
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !HasFatalFailure(); ++round) {
    const std::string bytes = mutator.damaged_bytes(whole);
    const std::vector<char> exact(bytes.begin(), bytes.end());
    const auto header = parse_gguf_header(exact.data(), exact.size(), "f.gguf");
    if (!header) {
      expect_clear(header.error());
      continue;
    }
    const auto model = model_of_gguf("f.gguf", {*header});
    if (!model) {
      expect_clear(model.error());
      continue;
    }
    double held = 0;
    for (const TensorShape& tensor : model->file_tensors) {
      held += static_cast<double>(tensor.stored->value);
    }
    ASSERT_GE(held, 0);
    expect_sound(*model);
  }
}

TEST(FuzzModelFile, SafetensorsAreSoundOrRefused) {
  const std::string whole = fixture::tiny_safetensors();
  const std::string config_text = fixture::tiny_config();
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !HasFatalFailure(); ++round) {
    const std::string bytes = mutator.damaged_text(whole);
    const std::vector<char> exact(bytes.begin(), bytes.end());
    const auto header =
        parse_safetensors_header(exact.data(), exact.size(), exact.size(), "f.safetensors");
    const auto config = parse_model_config(
        round % 2 == 0 ? config_text : mutator.damaged_text(config_text), "config.json");
    if (!header || !config) {
      expect_clear(header ? config.error() : header.error());
      continue;
    }
    for (const SafetensorsTensor& tensor : header->tensors) {
      ASSERT_LE(tensor.offset + tensor.bytes, exact.size());
    }
    const auto model = model_of_safetensors("f.safetensors", {*header}, *config);
    if (model) {
      expect_sound(*model);
    } else {
      expect_clear(model.error());
    }
  }
}

TEST(FuzzModelFile, AnIndexIsReadOrRefused) {
  const std::string whole =
      R"({"metadata":{"total_size":1},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}})";
  fuzz::Mutator mutator(fuzz::logged_seed());
  for (int round = 0; round < 20000 && !HasFatalFailure(); ++round) {
    const auto files = parse_safetensors_index(mutator.damaged_text(whole), "i.json");
    if (!files) {
      expect_clear(files.error());
      continue;
    }
    ASSERT_FALSE(files->empty());
    for (const std::string& file : *files) ASSERT_EQ(file.find('/'), std::string::npos);
  }
}

}  // namespace
}  // namespace terrace::model
