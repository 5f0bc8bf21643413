// SPDX-License-Identifier: Apache-2.0
// Parts of text that came from outside. Thread-safe, never allocates.
#pragma once

#include <string_view>

namespace terrace {

/// Without the blanks and line ends around it.
constexpr std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// How much of it a message shows, for "%.*s": what was meant is to be seen, whatever was given.
constexpr int shown(std::string_view text) {
  return static_cast<int>(text.size() < 60 ? text.size() : 60);
}

}  // namespace terrace
