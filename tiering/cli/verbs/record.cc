// SPDX-License-Identifier: Apache-2.0
// terrace record: a program with its large allocations placed and their heat written down.
#include <filesystem>

#include <fmt/format.h>

#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/output_file.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultSession = "terrace.session";

/// Tells a session of this run from one that lay there before.
fs::file_time_type written_at(const std::string& path) {
  std::error_code missing;
  const fs::file_time_type time = fs::last_write_time(path, missing);
  return missing ? fs::file_time_type::min() : time;
}

}  // namespace

int record_verb(const Call& call) {
  const std::string& named = call.settings.text("output");
  const std::string session = named.empty() ? kDefaultSession : named;
  if (!call.settings.flag("force")) {
    const Status checked = check_overwrite(session, OutputKind::kSession);
    if (!checked.ok()) {
      say_error(checked.error().message);
      return kOwnFailure;
    }
  }
  const fs::file_time_type before = written_at(session);
  const LaunchEnd end = launch({call.settings, call.problems, call.line.command, "", session});
  if (!end.placed) return end.exit_code;
  const fs::file_time_type after = written_at(end.session_path);
  if (after == fs::file_time_type::min() || (end.session_path == session && after == before)) {
    say_warning(
        fmt::format("no session was written to {}: is the program statically linked, or "
                    "set-user-ID?",
                    end.session_path));
    return end.exit_code;
  }
  say_hint(
      fmt::format("session in {0}; next: terrace report {0}, terrace plan {0}", end.session_path));
  return end.exit_code;
}

}  // namespace terrace::cli
