// SPDX-License-Identifier: Apache-2.0
// Finds libterrace-preload.so and names it to the dynamic linker of the program to come. Part of
// run and record; doctor asks too. Thread-safe when the environment is not being changed;
// allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

namespace terrace::cli {

inline constexpr const char* kPreloadName = "libterrace-preload.so";

/// $TERRACE_PRELOAD, else beside the executable, else in ../lib and its multiarch folder.
/// Errors: kCapabilityMissing when it is nowhere (the message says where it was looked for);
/// kUsage when its path holds a blank or a colon, which LD_PRELOAD takes for the end of the name.
Result<std::string> find_preload_library();

/// `environment` with the library first in LD_PRELOAD and TERRACE_PLAN_FILE set to `flat_path`.
std::vector<std::string> with_preload(std::vector<std::string> environment,
                                      const std::string& library, const std::string& flat_path);

}  // namespace terrace::cli
