// SPDX-License-Identifier: Apache-2.0
// terrace record: a program with its large allocations placed and their heat written down.
#include <fmt/format.h>

#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/record_running.h"
#include "tiering/cli/session_name.h"
#include "tiering/cli/split_rule.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

constexpr const char* kDefaultSession = "terrace.session";

}  // namespace

int record_verb(const Call& call) {
  const Result<session::SplitRule> split = split_rule(call.settings);
  if (!split.ok()) {
    say_error(split.error().message);
    return kOwnFailure;
  }
  if (call.settings.given("pid")) return record_running(call.settings, *split);
  const std::string& named = call.settings.text("output");
  const Result<std::string> session =
      session_to_write(call.settings, named.empty() ? kDefaultSession : named,
                       split->recording != 0 ? Splitting::kSplit : Splitting::kOneFile);
  if (!session.ok()) {
    say_error(session.error().message);
    return kOwnFailure;
  }
  ModelsInUse models;
  models.add_arguments(call.line.command);
  const LaunchEnd end =
      launch({call.settings, call.problems, call.line.command, "", *session, &models, *split});
  if (!end.placed) return end.exit_code;
  if (end.last_file.empty()) {
    say_warning(
        fmt::format("no session was written to {}: the program allocated nothing large, or is "
                    "statically linked or set-user-ID",
                    end.session_path));
    return end.exit_code;
  }
  name_recording(call.settings, end.last_file, models.seen());
  say_hint(fmt::format("session in {0}; next: terrace report {0}", end.session_path));
  return end.exit_code;
}

}  // namespace terrace::cli
