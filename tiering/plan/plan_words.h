// SPDX-License-Identifier: Apache-2.0
// Words of plan files beside those of allocators/base/words.h.
// Constant data: thread-safe, never allocates.
#pragma once

#include <array>
#include <string_view>

#include "allocators/base/words.h"

namespace terrace::plan {

/// Word of the value n at [n].
inline constexpr std::array<std::string_view, 2> kRuleWords = {"pin", "forbid"};

}  // namespace terrace::plan
