// SPDX-License-Identifier: Apache-2.0
// What `terrace record -p` asks of a running program, as the text of a command (status_socket.h):
//   record PATH                                     into one file
//   record-split NUMBER BYTES NANOSECONDS KEEP PATH  into several: session::SplitRule, in decimal
// The second came later: a library that does not know it answers kUnknownCommand. Written by
// tiering/cli/record_running.cc, read by tiering/runtime/live_recording.cc.
// Thread-safe; allocates nothing.
#pragma once

#include <cstddef>

#include <terrace/result.h>

#include "profiler/session/format.h"

namespace terrace::control {

/// What a library says to a command of a later one.
inline constexpr char kUnknownCommand[] = "it does not know this command";

struct RecordCommand {
  const char* path = nullptr;  ///< absolute; read from a command it points into that
  session::SplitRule split;    ///< recording 0: one file
};

/// The text with its NUL. Error kUsage: with its prefix it would be longer than os::kMaxCommand.
Status write_record_command(const RecordCommand& command, char* out, std::size_t capacity);

/// Does the text ask for a recording? Then read it.
bool is_record_command(const char* text);
/// Errors kUsage: no absolute path, or a number that is none, is too large or missing.
Result<RecordCommand> read_record_command(const char* text);

}  // namespace terrace::control
