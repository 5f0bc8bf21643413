// SPDX-License-Identifier: Apache-2.0
// What the inputs of sessions have in common: what no reading may break, whatever the bytes were.
// By GoogleTest. Allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "profiler/session/session_reader.h"

namespace terrace::fuzz {

enum class Depth : std::uint8_t {
  kReading,  ///< objects, heat map and the report's text
  kWhole,    ///< and the report's JSON, timeline and exports, which take three times as long
};

/// The same chunks, each with a right CRC, up to one that reaches beyond the end: no mutator
/// guesses one.
std::string sealed(const std::string& bytes);

/// All of what session_input() expects of `recording`, which was read from the bytes. Returns what
/// it returns.
int check_reading(const Result<session::Recording>& recording, const std::string& bytes,
                  Depth depth);

/// Objects of a process that was read, its heat map and report, and what is made of them. Returns
/// what the process holds, in bytes.
std::size_t check_process(const session::Session& process, Depth depth);

}  // namespace terrace::fuzz
