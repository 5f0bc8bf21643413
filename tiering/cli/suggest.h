// SPDX-License-Identifier: Apache-2.0
// The name that somebody probably meant. Used by every message about an unknown key or value.
// Thread-safe; allocates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace terrace::cli {

/// The nearest of `names` by edits (insert, delete, replace, swap of neighbours), or an empty
/// string when none is within a third of the word's length, at least one edit.
std::string nearest(std::string_view word, const std::vector<std::string_view>& names);

/// `; did you mean "x"?` for the nearest name, or nothing.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& names);

}  // namespace terrace::cli
