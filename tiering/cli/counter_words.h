// SPDX-License-Identifier: Apache-2.0
// The counters of a status that say that memory went elsewhere than asked, in words: `status` shows
// how far each has come, `top` what each has risen by. Thread-safe; allocates.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "allocators/base/count_of.h"

namespace terrace::cli {

struct CounterWords {
  const char* key;  ///< in the status document
  const char* noun;
  const char* meaning;
};

inline constexpr std::array kMisplacedCounters = {
    CounterWords{"spilled_blocks", "block", " on another tier than asked, which was full"},
    CounterWords{"unplaced", "allocation", " not placed"},
    CounterWords{"bind_refused", "binding", " refused"},
    CounterWords{"small_page_objects", "object", " on 4 KiB pages"},
    CounterWords{"coarsened_objects", "stripe", " laid in longer runs"},
    CounterWords{"stripes_refused", "stripe", " that the kernel refused"},
    CounterWords{"frozen_by_fork", "object", " made private by a fork"},
    CounterWords{"made_private_blocks", "block", " given back to ordinary memory"},
    CounterWords{"memory_errors", "memory error", ""},
    CounterWords{"memory_errors_not_mended", "memory error", " that could not be mended"}};

/// "3 blocks given back to ordinary memory".
inline std::string in_words(const CounterWords& counter, std::uint64_t count) {
  return count_of(count, counter.noun) + counter.meaning;
}

}  // namespace terrace::cli
