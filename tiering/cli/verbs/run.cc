// SPDX-License-Identifier: Apache-2.0
// terrace run: an unchanged program with its large allocations placed.
#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/output_file.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {

int run_verb(const Call& call) {
  const std::string& session = call.settings.text("record");
  if (!session.empty() && !call.settings.flag("force")) {
    const Status checked = check_overwrite(session, OutputKind::kSession);
    if (!checked.ok()) {
      say_error(checked.error().message);
      return kOwnFailure;
    }
  }
  const LaunchEnd end = launch(
      {call.settings, call.problems, call.line.command, call.settings.text("plan"), session});
  return end.exit_code;
}

}  // namespace terrace::cli
