// SPDX-License-Identifier: Apache-2.0
// Finds and checks the flat file. Its path comes from TERRACE_PLAN_FILE, which `terrace run` sets;
// without one, TERRACE_CONF may ask for a policy over the machine's own nodes.
#include <cstdlib>

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

}  // namespace terrace::runtime
