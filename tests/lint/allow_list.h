// SPDX-License-Identifier: Apache-2.0
// Exceptions to the rule on system calls, each with its reason. An entry that is no longer needed
// is itself a finding (lint_main.cc). Constants only.
#pragma once

#include <array>
#include <string_view>

namespace terrace::lint {

struct Allowed {
  std::string_view path;
  std::string_view what;  ///< header or function
  std::string_view reason;
};

inline constexpr std::array kAllowed = {
    Allowed{"tiering/runtime/advice_calls.cc", "sys/mman.h",
            "answers the program's own calls, whose flags have their names there"},
    Allowed{"tiering/runtime/remap_calls.cc", "sys/mman.h",
            "answers the program's own calls, whose flags have their names there"},
    Allowed{"tiering/runtime/file_returns.cc", "sys/mman.h",
            "the protection of the programs' own mappings"},
    Allowed{"tiering/runtime/file_ranges.cc", "sys/mman.h",
            "the PROT_ and MADV_ constants of the programs' own calls"},
    Allowed{"tiering/runtime/file_objects.cc", "sys/mman.h",
            "compares the protection that the program asked for"},
    Allowed{"tiering/preload/mapping_shim.cc", "mmap", "defines the entry point"},
    Allowed{"tiering/preload/mapping_shim.cc", "munmap", "defines the entry point"},
    Allowed{"tiering/preload/mapping_shim.cc", "mremap", "defines the entry point"},
    Allowed{"tiering/preload/mapping_shim.cc", "madvise", "defines the entry point"},
    Allowed{"tiering/preload/mapping_shim.cc", "mprotect", "defines the entry point"},
};

}  // namespace terrace::lint
