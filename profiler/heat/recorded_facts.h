// SPDX-License-Identifier: Apache-2.0
// What a session says of machine, program and tiers, as values of the rest of Terrace. Shared by
// the heat map and the timeline. Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/tier.h>

#include "profiler/session/session_reader.h"

namespace terrace::heat {

/// A field of fixed width up to its NUL, or whole when it has none.
std::string text_of(const char* field, std::size_t capacity);

/// Fastest first. A session keeps a tier's figures, not where they came from: an emulated link's
/// are what the user asked for, of the others no more than a guess is claimed.
std::vector<Tier> tiers_of(const session::Session& session);

bool is_emulated(const session::Session& session);

}  // namespace terrace::heat
