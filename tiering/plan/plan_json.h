// SPDX-License-Identifier: Apache-2.0
// A plan as JSON: what `terrace plan` writes, people read and edit, and `terrace run` takes.
// Between planner.h and flat_writer.h. The reader trusts nothing: whatever it returns holds every
// rule that the flat writer asks for. Thread-safe; allocates; throws nothing.
#pragma once

#include <string>
#include <string_view>

#include <terrace/result.h>

#include "tiering/plan/plan.h"

namespace terrace::plan {

/// Indented JSON with a final newline. Block maps are runs: "0*4 1 0*4 1" is four blocks on tier 0,
/// one on tier 1, and again. Numbers come back bit for bit.
std::string plan_to_json(const Plan& plan);

/// `name` is for messages. Errors: kUsage with the JSON path and the remedy, for text that is no
/// JSON, another schema version, a missing, unknown or mistyped key, shares that are negative,
/// above 1 or do not sum to 1, a map of the wrong length or beside its shares, an unknown tier.
Result<Plan> plan_from_json(std::string_view text, const std::string& name);

/// Errors: kIo when the file cannot be read, else those of plan_from_json.
Result<Plan> read_plan(const std::string& path);

/// "0*4 1" for {0, 0, 0, 0, 1}.
std::string encode_block_map(const std::vector<std::uint8_t>& tiers);

}  // namespace terrace::plan
