// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/record_running.h"

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "allocators/os/clock.h"
#include "profiler/session/session_packer.h"
#include "tiering/cli/ask_process.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/os/child_process.h"
#include "tiering/cli/session_name.h"

namespace terrace::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultSession = "terrace.session";
constexpr Nanoseconds kPatience = milliseconds(4000);
/// A recording that nobody keeps ends after ten seconds (tiering/runtime/live_recording.cc).
constexpr Nanoseconds kKeepEvery = milliseconds(1000);

Error with_name(const control::os::ProcessFacts& process, const Error& error) {
  return make_error(error.code, error.saved_errno, "%d (%.40s): %s", process.pid,
                    process.name.c_str(), error.message);
}

/// What the program answers; the error is its own, or why there is none.
Status obey(const control::os::ProcessFacts& process, control::os::Question question,
            const std::string& command) {
  question.command = command;
  const auto answers = control::os::ask({question}, kPatience);
  if (!answers.ok()) return answers.error();
  if (!answers->front()) {
    return with_name(process, make_error(ErrorCode::kIo, ETIMEDOUT,
                                         "no answer; it has ended, is stopped, or its library is "
                                         "of a version that cannot be recorded from outside"));
  }
  const nlohmann::json json = nlohmann::json::parse(*answers->front(), nullptr, false);
  if (!json.is_object() || !json.contains("code") || !json["code"].is_number_integer() ||
      !json.contains("error") || !json["error"].is_string()) {
    return with_name(process, make_error(ErrorCode::kIo, 0, "answered something else"));
  }
  const int code = json["code"].get<int>();
  if (code == 0) return ok_status();
  const auto kind = code >= 1 && code <= 5 ? static_cast<ErrorCode>(code) : ErrorCode::kIo;
  return with_name(process,
                   make_error(kind, 0, "%.200s", json["error"].get<std::string>().c_str()));
}

struct Target {
  control::os::ProcessFacts process;
  control::os::Question question;
  std::string path;
};

Result<Target> target_of(const Settings& settings) {
  const Result<pid_t> pid = parse_pid(settings.text("pid"));
  if (!pid.ok()) return pid.error();
  const auto process = control::os::facts_of(*pid);
  if (!process.ok()) return process.error();
  const auto question = question_for(*process);
  if (!question.ok()) return question.error();
  const std::string& named = settings.text("output");
  const Result<std::string> pattern =
      session_to_write(settings, named.empty() ? kDefaultSession : named);
  if (!pattern.ok()) return pattern.error();
  const std::string path = session_path(absolute_pattern(*pattern), process->pid);
  if (path.find('\n') != std::string::npos) {
    return make_error(ErrorCode::kUsage, 0, "the session's name holds a line break");
  }
  return Target{*process, *question, path};
}

/// True when it was this side that ended it, false when the program did, or the recording.
bool wait_for_end(const Settings& settings, const Target& target, const os::HeldSignals& signals,
                  ModelsInUse& models) {
  const Nanoseconds begun = terrace::os::monotonic_now();
  const bool limited = settings.given("duration");
  Nanoseconds kept = begun;
  for (;;) {
    models.look(target.process.pid);
    if (os::end_was_asked(signals, milliseconds(20))) return true;
    const Nanoseconds now = terrace::os::monotonic_now();
    if (limited && now - begun >= settings.duration("duration")) return true;
    if (now - kept < kKeepEvery) continue;
    kept = now;
    const auto facts = control::os::facts_of(target.process.pid);
    if (!facts.ok() || facts->state == 'Z') return false;
    const Status keeps = obey(target.process, target.question, "keep");
    if (!keeps.ok() && keeps.error().saved_errno != ETIMEDOUT) return false;
  }
}

void pack(const std::string& path) {
  const auto packed = session::pack_session(path);
  if (!packed.ok()) {
    say_warning(fmt::format("{}; the session stays uncompressed", packed.error().message));
  }
}

Status record(const Settings& settings) {
  const os::HeldSignals signals;
  const Result<Target> target = target_of(settings);
  if (!target.ok()) return target.error();
  const Status begun = obey(target->process, target->question, "record " + target->path);
  if (!begun.ok()) return begun;
  say_hint(fmt::format("records {} ({}) into {}; Ctrl-C ends it", target->process.pid,
                       target->process.name, target->path));
  ModelsInUse models;
  if (wait_for_end(settings, *target, signals, models)) {
    const Status ended = obey(target->process, target->question, "end");
    if (!ended.ok())
      say_warning(fmt::format("the recording was cut short: {}", ended.error().message));
  } else {
    say_warning(fmt::format("{} ({}) ended, or ended its recording, before it was asked to",
                            target->process.pid, target->process.name));
  }
  std::error_code failed;
  if (!fs::is_regular_file(target->path, failed)) {
    return make_error(ErrorCode::kIo, 0,
                      "%.200s: not here; a program in another mount namespace (a container) writes "
                      "into its own files",
                      target->path.c_str());
  }
  pack(target->path);
  name_recording(settings, target->path, models.seen());
  say_hint(fmt::format("session in {0}; next: terrace report {0}", target->path));
  return ok_status();
}

}  // namespace

int record_running(const Settings& settings) {
  const Status recorded = record(settings);
  if (recorded.ok()) return 0;
  say_error(recorded.error().message);
  return static_cast<int>(recorded.error().code);
}

}  // namespace terrace::cli
