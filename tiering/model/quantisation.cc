// SPDX-License-Identifier: Apache-2.0
// Formats and sizes. Which tensor of a mix gets which format: quantisation_mixes.cc.
#include "tiering/model/quantisation.h"

#include <algorithm>
#include <cctype>

#include "allocators/base/nearest_word.h"
#include "tiering/model/quantisation_mixes.h"

namespace terrace::model {
namespace {

std::string lower(std::string_view text) {
  std::string result(text.substr(0, 64));
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

Error unknown(const char* what, std::string_view word, const std::vector<std::string_view>& known) {
  const std::string given(word.substr(0, 40));
  const std::string_view near = nearest_word(lower(word), known);
  if (!near.empty()) {
    return make_error(ErrorCode::kUsage, 0, "%s \"%s\" is not known; did you mean \"%.*s\"?", what,
                      given.c_str(), static_cast<int>(near.size()), near.data());
  }
  std::string all;
  for (const std::string_view name : known) all += " " + std::string(name);
  return make_error(ErrorCode::kUsage, 0, "%s \"%s\" is not known; known are%s", what,
                    given.c_str(), all.c_str());
}

/// Rows that are no whole number of blocks take a format of shorter blocks, as llama.cpp does.
const BlockFormat* that_fits(const BlockFormat* format, std::uint64_t cols) {
  if (cols % format->elements == 0) return format;
  struct Fallback {
    std::string_view from;
    const char* to;
  };
  static constexpr Fallback kFallbacks[] = {
      {"q2_k", "iq4_nl"}, {"q3_k", "iq4_nl"}, {"iq4_xs", "iq4_nl"},
      {"q4_k", "q5_0"},   {"q5_k", "q5_1"},   {"q6_k", "q8_0"},
  };
  for (const Fallback& fallback : kFallbacks) {
    if (format->name != fallback.from) continue;
    const BlockFormat* shorter = *find_format(fallback.to);
    if (cols % shorter->elements == 0) return shorter;
  }
  return *find_format("f16");
}

}  // namespace

std::vector<std::string_view> format_names() {
  std::vector<std::string_view> names;
  for (const BlockFormat& format : block_formats()) names.push_back(format.name);
  return names;
}

std::vector<std::string_view> quantisation_names() {
  std::vector<std::string_view> names = format_names();
  for (const NamedMix& mix : named_mixes()) {
    if (std::find(names.begin(), names.end(), mix.name) == names.end()) names.push_back(mix.name);
  }
  names.push_back("stored");
  return names;
}

Result<const BlockFormat*> find_format(std::string_view name) {
  const std::string wanted = lower(name);
  for (const BlockFormat& format : block_formats()) {
    if (format.name == wanted) return &format;
  }
  return unknown("format", name, format_names());
}

Result<Quantisation> find_quantisation(std::string_view name) {
  const std::string wanted = lower(name);
  for (const NamedMix& mix : named_mixes()) {
    if (mix.name == wanted) return Quantisation{wanted, *find_format(mix.base), mix.choose};
  }
  if (wanted == "stored") return Quantisation{wanted, *find_format("f16"), nullptr};
  if (const auto format = find_format(wanted)) return Quantisation{wanted, *format, nullptr};
  return unknown("quantisation", name, quantisation_names());
}

const BlockFormat* format_of(const Quantisation& quantisation, const LanguageModel& model,
                             const TensorShape& tensor) {
  const bool one_row = tensor.rows == 1 && tensor.experts == 0;
  if (tensor.role == TensorRole::kNorm || tensor.role == TensorRole::kRouter || one_row) {
    return *find_format("f32");
  }
  const BlockFormat* format = quantisation.base;
  if (quantisation.mix != nullptr) format = quantisation.mix(model, tensor);
  return that_fits(format, tensor.cols);
}

double tensor_bytes(const Quantisation& quantisation, const LanguageModel& model,
                    const TensorShape& tensor) {
  if (tensor.stored) return static_cast<double>(tensor.stored->value);
  const BlockFormat* format = format_of(quantisation, model, tensor);
  return static_cast<double>(tensor.parameters()) / format->elements * format->bytes;
}

double weight_bytes(const Quantisation& quantisation, const LanguageModel& model) {
  if (model.size_only) return model.parameters.value * quantisation.base->bits_per_weight() / 8;
  double sum = 0;
  for (const TensorShape& tensor : tensors(model)) sum += tensor_bytes(quantisation, model, tensor);
  return sum;
}

}  // namespace terrace::model
