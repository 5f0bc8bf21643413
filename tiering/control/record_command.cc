// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/record_command.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "tiering/control/os/status_socket.h"

namespace terrace::control {
namespace {

constexpr char kRecord[] = "record ";
constexpr char kRecordSplit[] = "record-split ";
/// Prefix and newline.
constexpr std::size_t kAround = sizeof os::kCommandPrefix;

/// What stands behind the word; nullptr: the text begins otherwise.
template <std::size_t kSize>
const char* behind(const char* text, const char (&word)[kSize]) {
  return std::strncmp(text, word, kSize - 1) == 0 ? text + kSize - 1 : nullptr;
}

/// Digits up to a blank, without sign or leading blanks. Steps behind the blank.
bool take_number(const char*& text, std::uint64_t most, std::uint64_t& value) {
  value = 0;
  const char* const begin = text;
  for (; *text >= '0' && *text <= '9'; ++text) {
    const auto digit = static_cast<std::uint64_t>(*text - '0');
    if (value > (most - digit) / 10) return false;
    value = value * 10 + digit;
  }
  if (text == begin || *text != ' ') return false;
  ++text;
  return true;
}

Error bad_rule() {
  return make_error(ErrorCode::kUsage, 0, "no rule of when to go on in another file");
}

}  // namespace

Status write_record_command(const RecordCommand& command, char* out, std::size_t capacity) {
  const session::SplitRule& split = command.split;
  const int length =
      split.recording == 0
          ? std::snprintf(out, capacity, "%s%s", kRecord, command.path)
          : std::snprintf(out, capacity, "%s%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %s",
                          kRecordSplit, split.recording, split.bytes, split.time_ns, split.keep,
                          command.path);
  const auto size = static_cast<std::size_t>(length);
  if (length >= 0 && size < capacity && size + kAround <= os::kMaxCommand) return ok_status();
  return make_error(ErrorCode::kUsage, 0, "the session's name is too long to be told to a program");
}

bool is_record_command(const char* text) {
  return behind(text, kRecord) != nullptr || behind(text, kRecordSplit) != nullptr;
}

Result<RecordCommand> read_record_command(const char* text) {
  RecordCommand command;
  command.path = behind(text, kRecord);
  if (const char* rest = behind(text, kRecordSplit); rest != nullptr) {
    session::SplitRule& split = command.split;
    std::uint64_t keep = 0;
    const bool whole = take_number(rest, UINT64_MAX, split.recording) &&
                       take_number(rest, UINT64_MAX, split.bytes) &&
                       take_number(rest, UINT64_MAX, split.time_ns) &&
                       take_number(rest, UINT32_MAX, keep);
    if (!whole || split.recording == 0 || (split.bytes == 0 && split.time_ns == 0)) {
      return bad_rule();
    }
    split.keep = static_cast<std::uint32_t>(keep);
    command.path = rest;
  }
  if (command.path == nullptr || command.path[0] != '/') {
    return make_error(ErrorCode::kUsage, 0, "no absolute path");
  }
  return command;
}

}  // namespace terrace::control
