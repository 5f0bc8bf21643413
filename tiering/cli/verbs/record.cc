// SPDX-License-Identifier: Apache-2.0
// terrace record: a program with its large allocations placed and their heat written down.
#include <filesystem>

#include <fmt/format.h>

#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/record_running.h"
#include "tiering/cli/session_name.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

constexpr const char* kDefaultSession = "terrace.session";

}  // namespace

int record_verb(const Call& call) {
  if (call.settings.given("pid")) return record_running(call.settings);
  const std::string& named = call.settings.text("output");
  const Result<std::string> session =
      session_to_write(call.settings, named.empty() ? kDefaultSession : named);
  if (!session.ok()) {
    say_error(session.error().message);
    return kOwnFailure;
  }
  ModelsInUse models;
  models.add_arguments(call.line.command);
  const LaunchEnd end = launch({call.settings, call.problems, call.line.command, "", *session,
                                [&models](pid_t program) { models.look(program); }});
  if (!end.placed) return end.exit_code;
  if (!std::filesystem::exists(end.session_path)) {
    say_warning(
        fmt::format("no session was written to {}: the program allocated nothing large, or is "
                    "statically linked or set-user-ID",
                    end.session_path));
    return end.exit_code;
  }
  name_recording(call.settings, end.session_path, models.seen());
  say_hint(
      fmt::format("session in {0}; next: terrace report {0}, terrace plan {0}", end.session_path));
  return end.exit_code;
}

}  // namespace terrace::cli
