// SPDX-License-Identifier: Apache-2.0
// terrace run: an unchanged program with its large allocations placed.
#include <utility>

#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/session_name.h"
#include "tiering/cli/split_rule.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {

int run_verb(const Call& call) {
  const Result<session::SplitRule> split = split_rule(call.settings);
  if (!split.ok()) {
    say_error(split.error().message);
    return kOwnFailure;
  }
  std::string session = call.settings.text("record");
  if (!session.empty()) {
    Result<std::string> pattern = session_to_write(
        call.settings, session, split->recording != 0 ? Splitting::kSplit : Splitting::kOneFile);
    if (!pattern.ok()) {
      say_error(pattern.error().message);
      return kOwnFailure;
    }
    session = std::move(*pattern);
  }
  LaunchRequest request{call.settings, call.problems, call.line.command, call.settings.text("plan"),
                        session};
  ModelsInUse models;
  if (!session.empty()) {
    models.add_arguments(call.line.command);
    request.models = &models;
    request.split = *split;
  }
  const LaunchEnd end = launch(request);
  if (!session.empty() && end.placed && !end.last_file.empty()) {
    name_recording(call.settings, end.last_file, models.seen());
    say_hint(fmt::format(
        "session in {0}; next: {1}", end.session_path,
        request.plan_path.empty()
            ? "terrace report " + end.session_path
            : fmt::format("terrace verify {} --session {}", request.plan_path, end.session_path)));
  }
  return end.exit_code;
}

}  // namespace terrace::cli
