// SPDX-License-Identifier: Apache-2.0
// terrace, the command line: arguments -> settings -> verb. First file of
// docs/life-of-a-session.md.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tiering/cli/command_line.h"
#include "tiering/cli/launch.h"
#include "tiering/cli/load_settings.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

constexpr int kUsageFailure = 2;
constexpr int kSystemFailure = 5;

Verbosity wanted_verbosity(const Settings& settings) {
  if (settings.flag("verbose")) return Verbosity::kVerbose;
  return settings.flag("quiet") ? Verbosity::kQuiet : Verbosity::kNormal;
}

int dispatch(const Call& call) {
  switch (call.line.verb->verb) {
    case Verb::kDoctor:
      return doctor_verb(call);
    case Verb::kTopo:
      return topo_verb(call);
    case Verb::kCalibrate:
      return calibrate_verb(call);
    case Verb::kRecord:
      return record_verb(call);
    case Verb::kPlan:
      return plan_verb(call);
    case Verb::kRun:
      return run_verb(call);
    case Verb::kReport:
      return report_verb(call);
    case Verb::kVerify:
      return verify_verb(call);
    case Verb::kStatus:
      return status_verb(call);
    case Verb::kWall:
      return wall_verb(call);
    case Verb::kExport:
      return export_verb(call);
    case Verb::kCompletion:
      return completion_verb(call);
    case Verb::kDiff:
      return diff_verb(call);
    case Verb::kOptions:
      return options_verb(call);
    case Verb::kSimulate:
      return simulate_verb(call);
    case Verb::kTop:
      return top_verb(call);
  }
  return kUsageFailure;
}

/// A full disk or a closed pipe must not pass for success.
int finish_output(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  say_error("standard output cannot be written; is the disk full?");
  return exit_code == 0 ? kSystemFailure : exit_code;
}

int run_line(const CommandLine& line) {
  LoadedSettings loaded = load_settings(standard_sources());
  const bool wrapper = line.verb->kind == VerbKind::kWrapper;
  const Status flags = apply_flags(loaded.settings, line.flags);
  if (!flags.ok()) {
    say_error(flags.error().message);
    return wrapper ? kOwnFailure : kUsageFailure;
  }
  set_verbosity(wanted_verbosity(loaded.settings));
  for (const std::string& note : loaded.settings.notes()) say_warning(note);
  if (!wrapper && !loaded.problems.empty()) {
    for (const Error& problem : loaded.problems) say_error(problem.message);
    return kUsageFailure;
  }
  return dispatch({line, loaded.settings, loaded.problems});
}

int run_arguments(const std::vector<std::string>& arguments) {
  const Result<CommandLine> line = parse_command_line(arguments);
  if (!line.ok()) {
    say_error(line.error().message);
    return is_wrapper_call(arguments) ? kOwnFailure : kUsageFailure;
  }
  if (line->verb != nullptr) return finish_output(run_line(*line));
  std::fputs(line->answer.c_str(), stdout);
  return finish_output(0);
}

}  // namespace
}  // namespace terrace::cli

int main(int argc, char** argv) {
  try {
    return terrace::cli::run_arguments(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    // Out of memory, or a library's own exception: nothing that a verb could have dealt with.
    terrace::cli::say_error(error.what());
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return terrace::cli::is_wrapper_call(arguments) ? terrace::cli::kOwnFailure
                                                    : terrace::cli::kSystemFailure;
  }
}
