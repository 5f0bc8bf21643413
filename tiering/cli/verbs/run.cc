// SPDX-License-Identifier: Apache-2.0
// terrace run: an unchanged program with its large allocations placed.
#include <utility>

#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/session_name.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {

int run_verb(const Call& call) {
  std::string session = call.settings.text("record");
  if (!session.empty()) {
    Result<std::string> pattern = session_to_write(call.settings, session);
    if (!pattern.ok()) {
      say_error(pattern.error().message);
      return kOwnFailure;
    }
    session = std::move(*pattern);
  }
  const LaunchEnd end = launch(
      {call.settings, call.problems, call.line.command, call.settings.text("plan"), session});
  return end.exit_code;
}

}  // namespace terrace::cli
