// SPDX-License-Identifier: Apache-2.0
// Which file a path names and what state its content is in. Used by whoever reads a model's header
// to name memory that was filled from it. Thread-safe; allocates.
#pragma once

#include <optional>
#include <string>

#include "profiler/session/named_range.h"

namespace terrace::names::os {

/// Nothing: there is no regular file that we may see.
std::optional<session::NamesFile> facts_of(const std::string& path);

}  // namespace terrace::names::os
