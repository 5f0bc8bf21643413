// SPDX-License-Identifier: Apache-2.0
// Text that is one number and nothing else: options, fields of files, parts of names. A number with
// a unit is topology/parse_units.h's. Thread-safe, never allocates.
#pragma once

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>

namespace terrace {

/// Decimal, without spaces or a plus; an unsigned `Number` takes no sign at all, a floating one
/// neither infinity nor NaN. Nothing for other text, and for what `Number` cannot hold.
template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(value)) return std::nullopt;
  }
  return value;
}

}  // namespace terrace
