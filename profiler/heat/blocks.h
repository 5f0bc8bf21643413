// SPDX-License-Identifier: Apache-2.0
// What a block of a recorded object is: how long, and whether an emulated link counts it. Shared by
// the heat map and the timeline. Thread-safe; never allocates.
#pragma once

#include <cstddef>

#include "profiler/session/session_reader.h"

namespace terrace::heat {

/// 4 KiB: what one touch stands for in a record of referenced bits.
inline constexpr double kReferencedPageBytes = 4096;

/// A whole block, or what is left for the object's last.
double bytes_of_block(const session::Object& object, std::size_t block);

/// What one count of the source stands for in this block: as the session says, else the block.
double bytes_of_count(const session::Session& session, const session::Object& object,
                      session::SourceKind source, std::size_t block);

/// False also for an index that names no tier.
bool is_emulated_link(const session::Session& session, std::size_t tier);

}  // namespace terrace::heat
