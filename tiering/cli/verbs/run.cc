// SPDX-License-Identifier: Apache-2.0
// terrace run: an unchanged program with its large allocations placed.
#include <filesystem>
#include <utility>

#include "tiering/cli/launch.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/name_recording.h"
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
  LaunchRequest request{call.settings, call.problems, call.line.command, call.settings.text("plan"),
                        session};
  ModelsInUse models;
  if (!session.empty()) {
    models.add_arguments(call.line.command);
    request.look = [&models](pid_t program) { models.look(program); };
  }
  const LaunchEnd end = launch(request);
  if (!session.empty() && end.placed && std::filesystem::exists(end.session_path)) {
    name_recording(call.settings, end.session_path, models.seen());
  }
  return end.exit_code;
}

}  // namespace terrace::cli
