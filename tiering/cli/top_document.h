// SPDX-License-Identifier: Apache-2.0
// What `terrace top` knows of a running program: its answer, and what changed since the one before.
// top_view.h makes lines of it, --json prints it. Pure functions: thread-safe; allocate.
#pragma once

#include <nlohmann/json.hpp>

namespace terrace::cli {

/// `now`, an answer of ask_status(), with what changed since `before`, which is one too or what
/// this function made of it, over `seconds`:
/// - "seconds"; for each tier "grown_bytes" and "bytes_per_second", which null says nobody counts,
///   with "bandwidth_from": "link" (what an emulated link delivered, exact) or "recording"
///   (estimated by the access source; "emulated" is said by the tier);
/// - "moves": [{"label", "from", "to", "bytes"}], of objects that both answers name; "ordinary" for
///   memory that was on no tier;
/// - "recent": [{"age_ms", "text"}], moves and counters that rose in the last minute, oldest first.
/// Zero seconds: nothing has changed yet.
nlohmann::ordered_json top_document(const nlohmann::ordered_json& before,
                                    const nlohmann::ordered_json& now, double seconds);

}  // namespace terrace::cli
