// SPDX-License-Identifier: Apache-2.0
// From the name of a session to its heat map: first step of report, plan,
// verify and export.
// Thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>

#include "profiler/heat/heat_map.h"
#include "profiler/session/session_reader.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

/// The process that --process names, or else the one with the most heat. Says on standard error
/// which it is when there are several, and when the session was cut short. Errors are those of
/// read_session; kUsage when `path` is empty, with `how` to name one, and of choose_process().
Result<session::Session> load_session(const Settings& settings, const std::string& path,
                                      const std::string& how);

/// The same, with the list of all processes (process_table()).
struct LoadedProcess {
  session::Session session;
  std::string all_processes;
};
Result<LoadedProcess> load_process(const Settings& settings, const std::string& path,
                                   const std::string& how);

/// load_session(), then build_heat_map and its errors, then join_lives: each object has a key of
/// its own.
Result<heat::HeatMap> load_heat_map(const Settings& settings, const std::string& path,
                                    const std::string& how);

/// The argument, or else --input.
std::string session_argument(const Settings& settings, const std::string& argument);

}  // namespace terrace::cli
