// SPDX-License-Identifier: Apache-2.0
// One line on stderr from code that may not allocate, and the last lines again for `terrace
// status`: a server's stderr is often gone when somebody wants to know. Thread-safe and
// async-signal-safe: a line is one write(2), and what is kept takes no lock. Keeps errno.
#pragma once

#include <cstddef>
#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

/// printf's rules; "terrace: " goes before, a newline after; cut at 512 bytes. The line is kept.
void message(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// Kept, and not written to stderr.
void quiet_message(const char* format, ...) __attribute__((format(printf, 1, 2)));

inline constexpr std::uint32_t kKeptMessages = 16;
struct KeptMessage {
  Nanoseconds at;  ///< CLOCK_MONOTONIC
  char text[256];  ///< without prefix and newline, cut, NUL-terminated
};
/// Messages so far; the last kKeptMessages of them are numbered up to this, from 0.
std::uint64_t message_count();
/// Message `number`. False when it is no longer kept, or being written right now.
bool kept_message(std::uint64_t number, KeptMessage& out);

}  // namespace terrace::os
