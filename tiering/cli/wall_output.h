// SPDX-License-Identifier: Apache-2.0
// Where sweeps go: standard output as text or JSON, and the files of --html and --csv.
// Not thread-safe (standard output); allocates.
#pragma once

#include <vector>

#include <terrace/result.h>

#include "tiering/cli/settings.h"
#include "tiering/wall/sweep.h"

namespace terrace::cli {

/// Are --html and --csv possible and harmless? Before the work, so that nothing is lost.
Status check_wall_outputs(const Settings& settings);

/// One sweep, or two that are compared; `page` is the same over the contexts that the page draws,
/// and read for --html only.
Status put_out_sweeps(const Settings& settings, const std::vector<wall::Sweep>& swept,
                      const std::vector<wall::Sweep>& page, const wall::FittedConstants& constants);

}  // namespace terrace::cli
