// SPDX-License-Identifier: Apache-2.0
// The name that somebody probably meant. Used by every message about an unknown key or value.
// Thread-safe; allocates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace terrace::cli {

/// As nearest_word().
std::string nearest(std::string_view word, const std::vector<std::string_view>& names);

/// `; did you mean "x"?` for the nearest name, or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& names);

}  // namespace terrace::cli
