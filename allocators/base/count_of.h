// SPDX-License-Identifier: Apache-2.0
// Counts as people write them: "1 object", "2 objects". For text that people read: the CLI's
// output, notes and errors; a number of units with a sign ("12 MiB") has no plural.
// Thread-safe; count_of allocates, plural_end does not and may be used anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "allocators/base/plural_end.h"

namespace terrace {

/// `one` is a noun whose plural takes an s.
inline std::string count_of(std::uint64_t count, std::string_view one) {
  return std::to_string(count) + " " + std::string(one) + plural_end(count);
}

}  // namespace terrace
