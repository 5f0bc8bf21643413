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

/// Warns on standard error when the session was cut short. Errors are those of read_session; kUsage
/// when `path` is empty, with `how` to name one.
Result<session::Session> load_session(const std::string& path, const std::string& how);

/// The same, then build_heat_map and its errors.
Result<heat::HeatMap> load_heat_map(const Settings& settings, const std::string& path,
                                    const std::string& how);

/// The argument, or else --input.
std::string session_argument(const Settings& settings, const std::string& argument);

}  // namespace terrace::cli
