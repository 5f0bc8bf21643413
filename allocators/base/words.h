// SPDX-License-Identifier: Apache-2.0
// Words that stand for enumeration values in files, answers and messages, the same both ways;
// name_of() in <terrace/tier.h> gives the same ones. Constant data: thread-safe, never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <terrace/tier.h>

#include "allocators/base/site_key.h"

namespace terrace {

/// Word of the value n at [n].
inline constexpr std::array<std::string_view, 6> kKindWords = {"unknown", "hbm",  "dram",
                                                               "cxl",     "pmem", "file"};
inline constexpr std::array<std::string_view, 3> kBackingWords = {"numa", "emulated", "dax"};
inline constexpr std::array<std::string_view, 2> kUseWords = {"placed", "on-request"};
inline constexpr std::array<std::string_view, 7> kProvenanceWords = {
    "unknown", "guess", "sysfs", "hmat", "cdat", "calibrated", "user-file"};
inline constexpr std::array<std::string_view, 3> kOriginWords = {"heap", "anonymous", "file"};

/// NUL-terminated; "unknown" for a number that stands for nothing.
template <typename Enum, std::size_t N>
constexpr const char* word_of(Enum value, const std::array<std::string_view, N>& words) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? words[index].data() : "unknown";
}

constexpr const char* name_of(Origin origin) {
  return word_of(origin, kOriginWords);
}

}  // namespace terrace
