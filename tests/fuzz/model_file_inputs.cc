// SPDX-License-Identifier: Apache-2.0
// Model files through the whole way to a shape and its load: an error, or a model whose tensors lie
// within the file.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/fuzz/inputs.h"
#include "tests/unit/model/model_files.h"
#include "tiering/model/decode_load.h"
#include "tiering/model/model_file_readers.h"

namespace terrace::fuzz {
namespace {

using namespace model;

int sound(const LanguageModel& model) {
  const auto load =
      decode_load(model, *find_quantisation("stored"), **find_format("q8_0"), {100, 2, {0}});
  EXPECT_TRUE(load.ok());
  if (!load) return 0;
  EXPECT_TRUE(std::isfinite(load->flops) && load->flops >= 0);
  EXPECT_TRUE(std::isfinite(load->read_bytes()) && load->read_bytes() >= 0);
  return 1;
}

double elements_of(const std::vector<std::uint64_t>& shape) {
  double product = 1;
  for (const std::uint64_t length : shape) product *= static_cast<double>(length);
  return product;
}

int refused(const Error& error) {
  EXPECT_TRUE(error.code == ErrorCode::kUsage || error.code == ErrorCode::kIo);
  EXPECT_NE(error.message[0], '\0');
  return 0;
}

int safetensors_with(const std::string& bytes, const std::string& config_text) {
  // Exactly as long as the content, so that a sanitizer sees a read beyond it.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const auto header =
      parse_safetensors_header(exact.data(), exact.size(), exact.size(), "f.safetensors");
  const auto config = parse_model_config(config_text, "config.json");
  if (!header || !config) return refused(header ? config.error() : header.error());
  for (const SafetensorsTensor& tensor : header->tensors) {
    EXPECT_LE(tensor.offset, exact.size());
    EXPECT_LE(tensor.bytes, exact.size() - tensor.offset);
  }
  const auto model = model_of_safetensors("f.safetensors", {*header}, *config);
  if (!model) return refused(model.error());
  double held = 0;
  for (const TensorShape& tensor : model->file_tensors) {
    held += static_cast<double>(tensor.stored->value);
  }
  // The narrowest types have 4 bits, packed or not.
  EXPECT_LE(parameter_count(*model), 2 * held * (1 + 1e-9));
  return sound(*model);
}

}  // namespace

int gguf_input(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const auto header = parse_gguf_header(exact.data(), exact.size(), "f.gguf");
  if (!header) return refused(header.error());
  const auto model = model_of_gguf("f.gguf", {*header});
  if (!model) return refused(model.error());
  double elements = 0;
  for (const GgufTensor& tensor : header->tensors) elements += elements_of(tensor.shape);
  EXPECT_NEAR(parameter_count(*model), elements, 1e-9 * elements);
  return sound(*model);
}

int safetensors_input(const std::string& bytes) {
  return safetensors_with(bytes, fixture::tiny_config()) |
         safetensors_with(bytes, fixture::mixture_config());
}

int model_config_input(const std::string& text) {
  return safetensors_with(fixture::tiny_safetensors(), text) |
         safetensors_with(fixture::mixture_safetensors(), text);
}

}  // namespace terrace::fuzz
