// SPDX-License-Identifier: Apache-2.0
// A LanguageModel's shape from the key-value facts of a model file: GGUF metadata or config.json.
// Internal to the readers of model files. Thread-safe; allocates.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

#include "tiering/model/language_model.h"

namespace terrace::model {

/// Facts under names of ours; what a file calls them is the reader's to know. Empty: not said. One
/// figure, or one for each layer.
using Facts = std::function<std::vector<std::uint64_t>(std::string_view)>;

/// `tensors` are the file's, experts stacked. kUsage, with `path`, for what a shape needs and the
/// file lacks, and for a shape that cannot be.
Result<LanguageModel> shape_from_facts(const std::string& path, const Facts& facts,
                                       std::vector<TensorShape> tensors);

/// Layers that see a window only, by the architecture's name in the file; none for one whose
/// engines attend to everything. `tokens` 0: none either.
std::optional<SlidingWindow> window_of_architecture(std::string_view architecture,
                                                    std::uint64_t tokens);

}  // namespace terrace::model
