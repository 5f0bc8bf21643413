// SPDX-License-Identifier: Apache-2.0
// How weights and KV cache are packed: block formats with their overheads, and mixes that give each
// tensor a format by its role and layer, as llama.cpp's quantiser does. Sizes follow from each
// format's definition (GGUF specification; OCP MX 1.0 for mxfp4). Constants and pure functions:
// thread-safe; allocate only their results.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/model/language_model.h"

namespace terrace::model {

struct BlockFormat {
  std::string_view name;       ///< lower case, as options take it
  std::uint32_t elements = 1;  ///< of a block
  std::uint32_t bytes = 0;     ///< of a block, scales and minima included
  double bits_per_weight() const { return 8.0 * bytes / elements; }
};

/// All formats and all mixes, in the order in which help lists them.
std::vector<std::string_view> format_names();
std::vector<std::string_view> quantisation_names();

/// kUsage with the nearest names for an unknown one. Case does not matter.
Result<const BlockFormat*> find_format(std::string_view name);

/// Gives each weight tensor its format.
struct Quantisation {
  std::string name;                   ///< lower case: "q4_k_m", "f16"
  const BlockFormat* base = nullptr;  ///< of most matrices
  const BlockFormat* (*mix)(const LanguageModel&,
                            const TensorShape&) = nullptr;  ///< null: all alike
};

/// Any format's name is a quantisation as well. "stored" takes a model file's tensors as they are.
Result<Quantisation> find_quantisation(std::string_view name);

/// Norms, biases and routers stay f32 in every mix and in every block format of several elements.
const BlockFormat* format_of(const Quantisation& quantisation, const LanguageModel& model,
                             const TensorShape& tensor);
/// Bytes of the whole tensor, all experts: its stored size where a file gives one.
double tensor_bytes(const Quantisation& quantisation, const LanguageModel& model,
                    const TensorShape& tensor);
/// All weights: the size of a model file without its header.
double weight_bytes(const Quantisation& quantisation, const LanguageModel& model);

}  // namespace terrace::model
