// SPDX-License-Identifier: Apache-2.0
// What the inputs of sessions have in common: what no reading may break, whatever the bytes were.
// By GoogleTest. Allocates.
#pragma once

#include <cstddef>
#include <string>

#include "profiler/session/session_reader.h"

namespace terrace::fuzz {

/// The same chunks, each with a right CRC, up to one that reaches beyond the end: no mutator
/// guesses one.
std::string sealed(const std::string& bytes);

/// All of what session_input() expects of `recording`, which was read from the bytes. Returns what
/// it returns.
int check_reading(const Result<session::Recording>& recording, const std::string& bytes);

/// Objects of a process that was read, its heat map, report and exports. Returns what the process
/// holds, in bytes.
std::size_t check_process(const session::Session& process);

}  // namespace terrace::fuzz
