// SPDX-License-Identifier: Apache-2.0
// Which of a session's processes is the one to look at. Used by the command line when nobody named
// one. Thread-safe; allocates.
#pragma once

#include <cstddef>

#include "profiler/session/session_reader.h"

namespace terrace::heat {

/// Bytes that the process's objects were read over all of the recording, loading included: each
/// record's counts, brought from the time watched to the time that the record is of. Coarser than
/// the heat map, and made without its symbols.
double bytes_read(const session::Session& process);

/// Place in the recording of the process with most of it; the first of equals.
std::size_t hottest(const session::Recording& recording);

}  // namespace terrace::heat
