// SPDX-License-Identifier: Apache-2.0
// Patterns by which rules name objects, symbols and modules: as a shell's, but that brackets are
// letters, which C++ names have. Thread-safe, never allocates.
#pragma once

#include <string_view>

namespace terrace {

/// Does all of `text` match, in which * stands for any letters and ? for any one? O(n m) at worst.
constexpr bool matches_pattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  // Where the last star stood, and how far its letters reach: the only point to come back to.
  std::size_t star = std::string_view::npos;
  std::size_t reached = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      reached = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++reached;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace terrace
