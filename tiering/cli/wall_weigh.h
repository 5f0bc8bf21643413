// SPDX-License-Identifier: Apache-2.0
// `terrace wall edge` (device or cloud) and `terrace wall size` (the cheapest machine for a
// target). Not thread-safe (standard output); allocates.
#pragma once

#include <terrace/result.h>

#include "tiering/cli/settings.h"
#include "tiering/wall/wall_catalogue.h"

namespace terrace::cli {

/// Exit code 0; 4 when no request fits on either side.
Result<int> weigh_edge(const Settings& settings, const wall::WallCatalogue& catalogue);

/// Exit code 0; 4 when nothing reaches the target.
Result<int> size_machines(const Settings& settings, const wall::WallCatalogue& catalogue);

}  // namespace terrace::cli
