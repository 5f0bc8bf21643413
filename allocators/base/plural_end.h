// SPDX-License-Identifier: Apache-2.0
// The end of a counted noun, for messages that are formatted where nothing may be allocated;
// elsewhere count_of.h writes the whole. Thread-safe, never allocates.
#pragma once

#include <cstdint>

namespace terrace {

/// "s" for every other count than one, for the nouns whose plural takes it.
constexpr const char* plural_end(std::uint64_t count) {
  return count == 1 ? "" : "s";
}

}  // namespace terrace
