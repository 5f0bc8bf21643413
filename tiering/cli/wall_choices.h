// SPDX-License-Identifier: Apache-2.0
// What the user asked `terrace wall` for, from its options: catalogue, machines, formats, ranges.
// Errors name the option. Used by the verb's sub-words. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>

#include "tiering/cli/settings.h"
#include "tiering/wall/sweep.h"
#include "tiering/wall/token_range.h"

namespace terrace::cli {

/// The catalogue that comes with Terrace and, over it, the folder of --catalogue.
Result<wall::WallCatalogue> load_catalogue_choice(const Settings& settings);

/// --model, --machine and the like: the option's text, or kUsage with what to write.
Result<std::string> required_text(const Settings& settings, OptionId option, const char* example);

/// The numbers of an option that takes a range.
Result<std::vector<std::uint64_t>> range_choice(const Settings& settings, OptionId option,
                                                const wall::RangeLimits& limits);

/// A price, a speed: a finite number above 0. 0 when the option is not given.
Result<double> amount_choice(const Settings& settings, OptionId option);

/// One request for `machine`, with --model, formats and ranges.
Result<wall::SweepRequest> sweep_choice(const Settings& settings, const std::string& machine);

wall::RangeLimits context_limits();
wall::RangeLimits batch_limits();

}  // namespace terrace::cli
