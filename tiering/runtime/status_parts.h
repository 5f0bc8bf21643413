// SPDX-License-Identifier: Apache-2.0
// What the status file at the program's end and the answer to `terrace status` have in common, as
// parts of a JSON object. Internal to tiering/runtime.
// The lock is held, except for put_messages; allocates nothing.
#pragma once

#include "tiering/control/json_text.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {

inline constexpr std::uint64_t in_bytes(std::uint64_t blocks) {
  return blocks << kBlockShift;
}

/// What the end of a document needs behind its last list.
inline constexpr std::size_t kTail = 256;

/// "pid", "emulated" and every counter, without braces.
void put_counters(State& runtime, control::JsonText& json);
/// The tiers, without brackets.
void put_tiers(State& runtime, control::JsonText& json);
/// The last messages, oldest first, without brackets. Any thread.
void put_messages(control::JsonText& json);

}  // namespace terrace::runtime
