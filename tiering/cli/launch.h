// SPDX-License-Identifier: Apache-2.0
// Starts a program under the preload library: what run and record share. Compiles tiers, options
// and plan into a flat file, lends huge pages, runs the program, tidies up.
// Not thread-safe (it forks); allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/format.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

inline constexpr int kOwnFailure = 125;

struct LaunchRequest {
  const Settings& settings;
  const std::vector<Error>& problems;  ///< of the configuration; any of them means unplaced
  std::vector<std::string> command;
  std::string plan_path;          ///< empty: no plan
  std::string session_path;       ///< empty: no recording; else as session_pattern() gives it
  ModelsInUse* models = nullptr;  ///< looks at the program while it runs; null: nobody does
  session::SplitRule split = {};  ///< of the recording over files
};

struct LaunchEnd {
  int exit_code = 0;
  bool placed = false;       ///< false: it ran as if without Terrace, or not at all
  std::string session_path;  ///< the name that reads it all; empty: no recording
  std::string last_file;  ///< without names of objects yet: the session, or the last of its files
};

/// Says on standard error what went wrong and what was done instead; the exit code is the
/// program's, or 125 to 127.
LaunchEnd launch(const LaunchRequest& request);

}  // namespace terrace::cli
