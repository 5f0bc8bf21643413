// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/suggest.h"

#include "allocators/base/nearest_word.h"

namespace terrace::cli {

std::string nearest(std::string_view word, const std::vector<std::string_view>& names) {
  return std::string(nearest_word(word, names));
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& names) {
  const std::string best = nearest(word, names);
  return best.empty() ? std::string() : "; did you mean \"" + best + "\"?";
}

}  // namespace terrace::cli
