// SPDX-License-Identifier: Apache-2.0
// The wall's answers as JSON: what --json prints and what the HTML page draws. Every prediction is
// {"value", "low", "high", "provenance": "predicted"}; catalogue figures carry kind and source.
// Thread-safe; allocates.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "tiering/wall/edge.h"
#include "tiering/wall/size.h"
#include "tiering/wall/sweep.h"

namespace terrace::wall {

/// model, machine variants with tiers and figures, rows, tier_lines, predictor.
nlohmann::ordered_json sweep_to_json(const Sweep& swept, const FittedConstants& constants);
nlohmann::ordered_json edge_to_json(const EdgeRow& row);
nlohmann::ordered_json sized_to_json(const Sized& sized, const std::vector<Candidate>& candidates);
nlohmann::ordered_json constants_to_json(const FittedConstants& constants);

}  // namespace terrace::wall
