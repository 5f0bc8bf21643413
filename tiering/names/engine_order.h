// SPDX-License-Identifier: Apache-2.0
// The order in which llama.cpp creates a model's tensors, which is the order in which they lie in
// its buffers (src/llama-model.cpp: load_tensors; src/models/). A file may list them otherwise.
// Pure functions: thread-safe; allocate.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "tiering/names/model_tensors.h"

namespace terrace::names {

/// Was the order of this architecture (general.architecture) compared with the engine's own?
bool order_is_known(std::string_view architecture);

bool is_embedding(std::string_view name);
bool is_output(std::string_view name);

/// Indices in `tensors`, in that order.
std::vector<std::size_t> engine_order(const std::vector<ModelTensor>& tensors);

}  // namespace terrace::names
