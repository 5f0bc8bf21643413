// SPDX-License-Identifier: Apache-2.0
// The known word nearest to a misspelt one, for error messages about keys, names and options.
// Thread-safe; allocates the edit-distance table, O(length^2) for each candidate.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace terrace {

/// Insertions, removals, replacements and swaps of neighbours that turn one word into the other.
inline std::size_t edit_distance(std::string_view from, std::string_view to) {
  const std::size_t width = to.size() + 1;
  std::vector<std::size_t> table((from.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
    return table[i * width + j];
  };
  for (std::size_t i = 0; i <= from.size(); ++i) {
    for (std::size_t j = 0; j <= to.size(); ++j) {
      if (i == 0 || j == 0) {
        at(i, j) = i + j;
        continue;
      }
      const std::size_t replaced = at(i - 1, j - 1) + (from[i - 1] == to[j - 1] ? 0 : 1);
      at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, replaced});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(from.size(), to.size());
}

/// Empty when nothing is near enough to help: more than a third of the letters would change, and
/// more than one.
inline std::string_view nearest_word(std::string_view word,
                                     std::span<const std::string_view> candidates) {
  std::string_view best;
  // A long word could only be the wrong file; the quadratic table is not for it.
  if (word.empty() || word.size() > 64) return best;
  std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const std::size_t edits = edit_distance(word, candidate);
    if (edits < fewest && edits < candidate.size()) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}

}  // namespace terrace
