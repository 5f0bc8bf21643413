// SPDX-License-Identifier: Apache-2.0
// Of which process of a session the verbs speak. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <string>

#include <terrace/result.h>

#include "profiler/session/session_reader.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

/// Place in the recording of the process that --process names; without it the hottest, and where
/// there are others one line on standard error says so. Error kUsage: there is no such process.
Result<std::size_t> choose_process(const Settings& settings, const session::Recording& recording,
                                   const std::string& path);

/// A line for each process, the chosen one marked; empty for a session of one.
std::string process_table(const session::Recording& recording, std::size_t chosen);

}  // namespace terrace::cli
