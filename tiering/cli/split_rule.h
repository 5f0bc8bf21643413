// SPDX-License-Identifier: Apache-2.0
// What --split-size, --split-time and --split-keep ask for together. Thread-safe; draws the
// recording's random number. Allocates for messages only.
#pragma once

#include <terrace/result.h>

#include "profiler/session/format.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

/// SplitRule::recording is 0 when the recording is not to be split. Errors kUsage: a limit that is
/// too small to be kept, or files to keep of a recording that is not split.
Result<session::SplitRule> split_rule(const Settings& settings);

}  // namespace terrace::cli
