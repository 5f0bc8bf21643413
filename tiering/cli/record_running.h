// SPDX-License-Identifier: Apache-2.0
// terrace record -p PID: a recording that begins in a program which runs already under the preload
// library, and ends with --duration, a signal or the program. Not thread-safe; allocates.
#pragma once

#include "profiler/session/format.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

/// Into one file, or into several by the rule. Says on standard error how it went; 0 or the code of
/// an error, as status has them.
int record_running(const Settings& settings, const session::SplitRule& split);

}  // namespace terrace::cli
