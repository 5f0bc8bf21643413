// SPDX-License-Identifier: Apache-2.0
// Tables behind quantisation.h: the formats, and the mixes with their choice for each tensor.
// Constants and pure functions: thread-safe, never allocates.
#pragma once

#include <span>
#include <string_view>

#include "tiering/model/quantisation.h"

namespace terrace::model {

struct NamedMix {
  std::string_view name;
  std::string_view base;
  const BlockFormat* (*choose)(const LanguageModel&, const TensorShape&);
};

std::span<const BlockFormat> block_formats();
std::span<const NamedMix> named_mixes();

}  // namespace terrace::model
