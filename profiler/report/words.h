// SPDX-License-Identifier: Apache-2.0
// Numbers and untrusted names as short text, for the report. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "allocators/base/words.h"

namespace terrace::report {

/// printf into a string.
std::string __attribute__((format(printf, 1, 2))) format(const char* pattern, ...);

/// Three significant digits: "12.3", "0.042", "1230".
std::string digits(double value);
std::string percent(double share);
using terrace::name_of;

/// Control characters and bytes that are no UTF-8 become '?'.
std::string printable(std::string_view text);
/// Columns that printable UTF-8 takes, a code point counted as one.
std::size_t columns(std::string_view text);
/// Cut to `width` columns, with a mark when something was cut.
std::string fit(std::string_view text, std::size_t width);
/// A whole line of a text: fitted, without blanks at its end, with its break.
std::string line_of(std::string_view text, std::size_t width);
/// Padded with spaces to `width`: fit and fill.
std::string left(std::string_view text, std::size_t width);
std::string right(std::string_view text, std::size_t width);

}  // namespace terrace::report
