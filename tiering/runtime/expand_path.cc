// SPDX-License-Identifier: Apache-2.0
// Names of files that the process writes: %p becomes its id.
#include <cstdio>
#include <cstring>

#include "allocators/base/percent.h"
#include "allocators/os/files.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {

void expand_path(const char* pattern, Existing existing, char* out, std::size_t capacity) {
  char pid[16];
  std::snprintf(pid, sizeof pid, "%d", os::process_id());
  std::size_t used = 0;
  auto put = [&](const char* text, std::size_t length) {
    if (used + length >= capacity) return;
    std::memcpy(out + used, text, length);
    used += length;
  };
  const auto put_one = [&](char c) { put(&c, 1); };
  for_each_escape(pattern, put_one, [&](char letter, std::size_t) {
    if (letter == 'p') {
      put(pid, std::strlen(pid));
      return;
    }
    put_one('%');
    if (letter != '%' && letter != '\0') put_one(letter);
  });
  out[used] = '\0';
  if (existing == Existing::kReplace) return;
  // A process that becomes another program keeps its number, so the number may be taken too.
  constexpr unsigned kMostAlike = 10000;
  const std::size_t name = used;
  for (unsigned other = 1; os::file_exists(out) && other < kMostAlike; ++other) {
    char suffix[32];
    std::snprintf(suffix, sizeof suffix, ".%s.%u", pid, other);
    used = name;
    put(suffix, std::strlen(suffix));
    out[used] = '\0';
  }
}

}  // namespace terrace::runtime
