// SPDX-License-Identifier: Apache-2.0
// What a tensor of a model file does, by the names that GGUF and Hugging Face files use. Internal
// to the readers of model files. Pure functions: thread-safe; allocate their results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tiering/model/language_model.h"

namespace terrace::model {

/// Role and layer from a name of either kind; kOther for a name that no rule knows.
TensorRole role_of(std::string_view name);
/// The number after "blk.", "layers." or "h."; -1: none.
std::int32_t layer_of(std::string_view name);
/// The number of one expert that has a tensor of its own ("ffn_up.3.weight",
/// "experts.3.w1.weight"), and the name without it; -1: no such tensor.
struct ExpertName {
  std::int32_t expert = -1;
  std::string without;
};
ExpertName expert_of(std::string_view name);

/// One tensor for all experts of a layer and matrix, as newer GGUF files have it. Experts of
/// another shape than the first are of no such matrix and stay as they are.
std::vector<TensorShape> with_experts_stacked(std::vector<TensorShape> tensors);

}  // namespace terrace::model
