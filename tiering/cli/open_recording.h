// SPDX-License-Identifier: Apache-2.0
// From the name of a session to what was recorded, split over files or not: first step of every
// verb that reads one. Says on standard error what is not in it. Thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>

#include "profiler/session/session_reader.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

/// A file is read by itself; where it is one of several of a split recording, that is said, and
/// --whole reads all that lie beside it, whatever their names. A name that is no file but that of a
/// split recording ("a.session" for "a.000001.session" and on), and a folder, are all of their
/// files. Errors: those of read_recording and join_segments; kUsage for a folder without any.
Result<session::Recording> open_recording(const Settings& settings, const std::string& path);

}  // namespace terrace::cli
