// SPDX-License-Identifier: Apache-2.0
// The wall's answers for people: what `terrace wall` prints without --json. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include "tiering/wall/edge.h"
#include "tiering/wall/fit_decode.h"
#include "tiering/wall/size.h"
#include "tiering/wall/sweep.h"

namespace terrace::cli {

/// One point in full, several as a table.
std::string sweep_as_text(const wall::Sweep& swept, const wall::FittedConstants& constants);
/// Two sweeps of the same ranges side by side.
std::string comparison_as_text(const std::vector<wall::Sweep>& swept);
std::string edge_as_text(const std::vector<wall::EdgeRow>& rows);
/// One line for each machine, with the count of expanders that comes first.
std::string sizes_as_text(const std::vector<wall::Sized>& sizes,
                          const std::vector<wall::Candidate>& candidates);
std::string validation_as_text(const wall::Validation& validation);

/// "32k", "1M", "1000".
std::string show_tokens(double tokens);
/// Three digits, with thousands in full: "0.0123", "45.6", "1234".
std::string show_number(double value);

}  // namespace terrace::cli
