// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/console.h"

#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

constexpr std::size_t kWords = sizeof(KeptMessage::text) / sizeof(std::uint64_t);

/// A message in words that may be read while they are written; `version` tells whether they were.
struct Slot {
  /// 2n + 2: holds message n of the process; odd: being written.
  std::atomic<std::uint64_t> version{0};
  std::atomic<std::uint64_t> at_ns{0};
  std::atomic<std::uint64_t> words[kWords] = {};
};
constinit Slot slots[kKeptMessages];
constinit std::atomic<std::uint64_t> count{0};

/// Two writers meet in one slot only when sixteen more messages come while one is copied; the later
/// is not kept then.
void keep(const char* text) {
  const std::uint64_t number = count.fetch_add(1, std::memory_order_relaxed);
  Slot& slot = slots[number % kKeptMessages];
  std::uint64_t before = slot.version.load(std::memory_order_relaxed);
  if (before % 2 != 0 || !slot.version.compare_exchange_strong(before, 2 * number + 1)) return;
  std::uint64_t words[kWords] = {};
  std::strncpy(reinterpret_cast<char*>(words), text, sizeof words - 1);
  slot.at_ns.store(monotonic_now().value);
  for (std::size_t i = 0; i < kWords; ++i) slot.words[i].store(words[i]);
  slot.version.store(2 * number + 2);
}

struct Line {
  static constexpr int kPrefix = 9;
  char text[512] = "terrace: ";
  std::size_t size = 0;
};

void compose(Line& line, const char* format, va_list arguments) {
  int length = std::vsnprintf(line.text + Line::kPrefix, sizeof line.text - Line::kPrefix - 1,
                              format, arguments);
  if (length < 0) length = 0;
  length += Line::kPrefix;
  const int most = static_cast<int>(sizeof line.text) - 2;
  if (length > most) length = most;
  line.size = static_cast<std::size_t>(length);
  keep(line.text + Line::kPrefix);
}

}  // namespace

void message(const char* format, ...) {
  const KeepErrno keep_errno;
  Line line;
  va_list arguments;
  va_start(arguments, format);
  compose(line, format, arguments);
  va_end(arguments);
  line.text[line.size] = '\n';
  // Nothing can be done when stderr is closed; the program goes on.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.text, line.size + 1);
}

void quiet_message(const char* format, ...) {
  const KeepErrno keep_errno;
  Line line;
  va_list arguments;
  va_start(arguments, format);
  compose(line, format, arguments);
  va_end(arguments);
}

std::uint64_t message_count() {
  return count.load();
}

bool kept_message(std::uint64_t number, KeptMessage& out) {
  const Slot& slot = slots[number % kKeptMessages];
  if (slot.version.load() != 2 * number + 2) return false;
  out.at = Nanoseconds(slot.at_ns.load());
  std::uint64_t words[kWords];
  for (std::size_t i = 0; i < kWords; ++i) words[i] = slot.words[i].load();
  std::memcpy(out.text, words, sizeof out.text);
  out.text[sizeof out.text - 1] = '\0';
  return slot.version.load() == 2 * number + 2;
}

}  // namespace terrace::os
