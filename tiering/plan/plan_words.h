// SPDX-License-Identifier: Apache-2.0
// Words that stand for enumeration values in plan files, the same both ways.
// Constant data: thread-safe, never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <terrace/tier.h>

#include "allocators/base/site_key.h"

namespace terrace::plan {

/// Word of the value n at [n].
inline constexpr std::array<std::string_view, 6> kKindWords = {"unknown", "hbm",  "dram",
                                                               "cxl",     "pmem", "file"};
inline constexpr std::array<std::string_view, 3> kBackingWords = {"numa", "emulated", "dax"};
inline constexpr std::array<std::string_view, 7> kProvenanceWords = {
    "unknown", "guess", "sysfs", "hmat", "cdat", "calibrated", "user-file"};
inline constexpr std::array<std::string_view, 3> kOriginWords = {"heap", "anonymous", "file"};

inline constexpr std::array<std::string_view, 2> kRuleWords = {"pin", "forbid"};

template <typename Enum, std::size_t N>
std::string_view word_of(Enum value, const std::array<std::string_view, N>& words) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? words[index] : words[0];
}

}  // namespace terrace::plan
