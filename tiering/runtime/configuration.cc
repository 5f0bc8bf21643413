// SPDX-License-Identifier: Apache-2.0
// Finds and checks the flat file. Its path comes from TERRACE_PLAN_FILE, which `terrace run` sets;
// without one, TERRACE_CONF may ask for a policy over the machine's own nodes.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "allocators/os/files.h"
#include "tiering/runtime/own_discovery.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {

Status load_configuration(State& runtime) {
  const char* path = std::getenv("TERRACE_PLAN_FILE");
  if (path == nullptr || *path == '\0') {
    const char* conf = std::getenv("TERRACE_CONF");
    return conf != nullptr ? discover_own(conf, "/sys", runtime.flat) : ok_status();
  }
  const auto file = os::map_file(path);
  if (!file) {
    return make_error(file.error().code, file.error().saved_errno,
                      "TERRACE_PLAN_FILE: %s; make it anew with `terrace plan --flat FILE`",
                      file.error().message);
  }
  if (const char* wrong = validate_flat(file->data, file->size, runtime.flat); wrong != nullptr) {
    runtime.flat = FlatView{};
    return make_error(ErrorCode::kUsage, 0,
                      "TERRACE_PLAN_FILE %s: %s; make it anew with `terrace plan --flat FILE`",
                      path, wrong);
  }
  return ok_status();
}

void expand_path(const char* pattern, Existing existing, char* out, std::size_t capacity) {
  char pid[16];
  std::snprintf(pid, sizeof pid, "%d", os::process_id());
  std::size_t used = 0;
  auto put = [&](const char* text, std::size_t length) {
    if (used + length >= capacity) return;
    std::memcpy(out + used, text, length);
    used += length;
  };
  for (const char* at = pattern; *at != '\0'; ++at) {
    if (at[0] == '%' && at[1] == 'p') {
      put(pid, std::strlen(pid));
      ++at;
    } else if (at[0] == '%' && at[1] == '%') {
      put(at++, 1);
    } else {
      put(at, 1);
    }
  }
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
