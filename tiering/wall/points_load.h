// SPDX-License-Identifier: Apache-2.0
// Gives published speeds the loads of their models: from rows of a points file to what the fit and
// the validation take. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/wall/fit_decode.h"
#include "tiering/wall/points_file.h"
#include "tiering/wall/wall_catalogue.h"

namespace terrace::wall {

/// The size of the model's file, where given, scales the weights' bytes. Hardware written as
/// "cores + card" takes the card's bandwidth from the catalogue; with a card that is not in it,
/// everything is read by the cores. Errors are kUsage, with file:line: unknown model or format, or
/// a file's size that cannot be that model in that format.
Result<std::vector<SpeedPoint>> points_with_loads(const WallCatalogue& catalogue,
                                                  const std::vector<PointRow>& rows,
                                                  const std::string& file);

}  // namespace terrace::wall
