// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/record_running.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "allocators/os/clock.h"
#include "profiler/session/session_packer.h"
#include "tiering/cli/ask_process.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/models_in_use.h"
#include "tiering/cli/name_recording.h"
#include "tiering/cli/os/child_process.h"
#include "tiering/cli/segment_collector.h"
#include "tiering/cli/session_name.h"
#include "tiering/cli/session_parts.h"
#include "tiering/control/os/status_socket.h"
#include "tiering/control/record_command.h"

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
  std::string pattern;  ///< as session_pattern() gives it, from the root on
  std::string session;  ///< the name that is reported
};

Result<Target> target_of(const Settings& settings, const session::SplitRule& split) {
  const Result<pid_t> pid = parse_pid(settings.text("pid"));
  if (!pid.ok()) return pid.error();
  const auto process = control::os::facts_of(*pid);
  if (!process.ok()) return process.error();
  const auto question = question_for(*process);
  if (!question.ok()) return question.error();
  const std::string& named = settings.text("output");
  const Result<std::string> named_pattern =
      session_to_write(settings, named.empty() ? kDefaultSession : named,
                       split.recording != 0 ? Splitting::kSplit : Splitting::kOneFile);
  if (!named_pattern.ok()) return named_pattern.error();
  const std::string pattern = absolute_pattern(*named_pattern);
  const std::string session = session_path(pattern, process->pid);
  if (session.find('\n') != std::string::npos) {
    return make_error(ErrorCode::kUsage, 0, "the session's name holds a line break");
  }
  return Target{*process, *question, pattern, session};
}

Status begin(const Target& target, const std::string& path, const session::SplitRule& split) {
  char command[control::os::kMaxCommand];
  const Status written =
      control::write_record_command({path.c_str(), split}, command, sizeof command);
  if (!written.ok()) return written;
  Status begun = obey(target.process, target.question, command);
  const bool unknown =
      !begun.ok() && std::strstr(begun.error().message, control::kUnknownCommand) != nullptr;
  if (split.recording == 0 || !unknown) return begun;
  return with_name(target.process,
                   make_error(ErrorCode::kCapabilityMissing, 0,
                              "its library is of a version that is recorded into one file; leave "
                              "out --split-size and --split-time"));
}

/// True when it was this side that ended it, false when the program did, or the recording.
bool wait_for_end(const Settings& settings, const Target& target, const os::HeldSignals& signals,
                  ModelsInUse& models, SegmentCollector* collector) {
  const Nanoseconds begun = terrace::os::monotonic_now();
  const bool limited = settings.given("duration");
  Nanoseconds kept = begun;
  for (;;) {
    models.look(target.process.pid);
    if (collector != nullptr) collector->look(target.process.pid, models);
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

/// The recording as a whole, and what its program's end leaves: empty when there is nothing.
struct Files {
  SessionParts parts;
  std::optional<SegmentCollector> collector;  ///< of a split recording
  std::string written;                        ///< what the program is told to write
};

std::string last_file_of(const Target& target, Files& files, const ModelsInUse& models) {
  if (files.collector) return files.collector->finish(target.process.pid, models);
  std::error_code failed;
  if (!fs::is_regular_file(target.session, failed)) return {};
  const auto packed = session::pack_session(target.session);
  if (!packed.ok()) {
    say_warning(fmt::format("{}; the session stays uncompressed", packed.error().message));
  }
  return target.session;
}

/// What would be read in place of the new row, or with it.
void remove_older(const std::string& session) {
  std::error_code failed;
  fs::remove(session, failed);
  if (failed) say_warning(fmt::format("{}: cannot be replaced: {}", session, failed.message()));
  remove_segments(session);
}

void wait_and_end(const Settings& settings, const Target& target, const os::HeldSignals& signals,
                  ModelsInUse& models, SegmentCollector* collector) {
  if (!wait_for_end(settings, target, signals, models, collector)) {
    say_warning(fmt::format("{} ({}) ended, or ended its recording, before it was asked to",
                            target.process.pid, target.process.name));
    return;
  }
  const Status ended = obey(target.process, target.question, "end");
  if (!ended.ok()) {
    say_warning(fmt::format("the recording was cut short: {}", ended.error().message));
  }
}

Status record(const Settings& settings, const session::SplitRule& split) {
  const os::HeldSignals signals;
  const Result<Target> target = target_of(settings, split);
  if (!target.ok()) return target.error();
  Files files;
  files.written = target->session;
  if (split.recording != 0) {
    files.parts = SessionParts(target->pattern);
    files.written = session_path(files.parts.pattern(), target->process.pid);
    files.collector.emplace(settings, files.parts, target->pattern, split);
  }
  const Status begun = begin(*target, files.written, split);
  if (!begun.ok()) return begun;
  if (files.collector) remove_older(target->session);
  say_hint(fmt::format("records {} ({}) into {}; Ctrl-C ends it", target->process.pid,
                       target->process.name, target->session));
  ModelsInUse models;
  wait_and_end(settings, *target, signals, models, files.collector ? &*files.collector : nullptr);
  const std::string last = last_file_of(*target, files, models);
  if (last.empty()) {
    return make_error(ErrorCode::kIo, 0,
                      "%.200s: not here; a program in another mount namespace (a container) writes "
                      "into its own files",
                      target->session.c_str());
  }
  name_recording(settings, last, models.seen());
  say_hint(fmt::format("session in {0}; next: terrace report {0}", target->session));
  return ok_status();
}

}  // namespace

int record_running(const Settings& settings, const session::SplitRule& split) {
  const Status recorded = record(settings, split);
  if (recorded.ok()) return 0;
  say_error(recorded.error().message);
  return static_cast<int>(recorded.error().code);
}

}  // namespace terrace::cli
