// SPDX-License-Identifier: Apache-2.0
// terrace record -p PID: a recording that begins in a program which runs already under the preload
// library, and ends with --duration, a signal or the program. Not thread-safe; allocates.
#pragma once

#include "tiering/cli/settings.h"

namespace terrace::cli {

/// Says on standard error how it went; 0 or the code of an error, as status has them.
int record_running(const Settings& settings);

}  // namespace terrace::cli
