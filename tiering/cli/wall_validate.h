// SPDX-License-Identifier: Apache-2.0
// `terrace wall validate`: the predictor against a file of measured speeds, as fitted or with each
// hardware left out in turn; and the fit itself. Not thread-safe (standard output); allocates.
#pragma once

#include <terrace/result.h>

#include "tiering/cli/settings.h"
#include "tiering/wall/wall_catalogue.h"

namespace terrace::cli {

/// The exit code: 0, or 1 when the error exceeds --max-error.
Result<int> validate_wall(const Settings& settings, const wall::WallCatalogue& catalogue);

}  // namespace terrace::cli
