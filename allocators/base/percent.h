// SPDX-License-Identifier: Apache-2.0
// Names with escapes, such as "%p.session": the walk over one that the command line, the preload
// runtime and the C API share. What a letter stands for is theirs to say. Thread-safe; never
// allocates.
#pragma once

#include <cstddef>
#include <string_view>

namespace terrace {

/// Calls put(character) for each plain character and escape(letter, offset) for each percent sign
/// with what follows it: `offset` is the sign's, `letter` 0 where nothing follows.
template <typename Put, typename Escape>
constexpr void for_each_escape(std::string_view text, const Put& put, const Escape& escape) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      put(text[i]);
      continue;
    }
    escape(i + 1 < text.size() ? text[i + 1] : '\0', i);
    ++i;
  }
}

}  // namespace terrace
