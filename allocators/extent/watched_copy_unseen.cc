// SPDX-License-Identifier: Apache-2.0
// For the thread sanitizer, to which each word that is written meanwhile would be a race: it shows
// memcpy always, and asks for each such word anew whether it shall be told.
#include <cstdint>

#include "allocators/extent/watched_copy.h"

namespace terrace::extent {

/// Whole words: what is copied are pages.
__attribute__((no_sanitize("thread"))) void copy_watched(void* to, const void* from,
                                                         std::size_t size) {
  auto* const target = static_cast<volatile std::uint64_t*>(to);
  const auto* const source = static_cast<const volatile std::uint64_t*>(from);
  for (std::size_t i = 0; i < size / sizeof *target; ++i) target[i] = source[i];
}

}  // namespace terrace::extent
