// SPDX-License-Identifier: Apache-2.0
// Starts a program under the preload library: what run and record share. Compiles tiers, options
// and plan into a flat file, lends huge pages, runs the program, tidies up.
// Not thread-safe (it forks); allocates.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/cli/os/child_process.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

inline constexpr int kOwnFailure = 125;

struct LaunchRequest {
  const Settings& settings;
  const std::vector<Error>& problems;  ///< of the configuration; any of them means unplaced
  std::vector<std::string> command;
  std::string plan_path;     ///< empty: no plan
  std::string session_path;  ///< empty: no recording; else as session_pattern() gives it
  std::function<void(pid_t)> look = {};  ///< os::ProgramStart::look
};

struct LaunchEnd {
  int exit_code = 0;
  bool placed = false;       ///< false: it ran as if without Terrace, or not at all
  std::string session_path;  ///< the file, if there is any; empty: no recording
};

/// Says on standard error what went wrong and what was done instead; the exit code is the
/// program's, or 125 to 127.
LaunchEnd launch(const LaunchRequest& request);

}  // namespace terrace::cli
