// SPDX-License-Identifier: Apache-2.0
// terrace top: a running program's tiers and objects, live.
#include <cstdio>

#include <fmt/format.h>

#include "allocators/os/clock.h"
#include "tiering/cli/ask_status.h"
#include "tiering/cli/json_document.h"
#include "tiering/cli/messages.h"
#include "tiering/cli/os/terminal.h"
#include "tiering/cli/os/top_screen.h"
#include "tiering/cli/top_document.h"
#include "tiering/cli/top_view.h"
#include "tiering/cli/verbs/verbs.h"

namespace terrace::cli {
namespace {

using Json = nlohmann::ordered_json;
using os::TopScreen;

/// Below, the program would feel the questions.
constexpr Nanoseconds kLeastInterval = milliseconds(100);

/// The argument, or else the only process that answers.
Result<std::string> whom_to_ask(const Call& call) {
  if (!call.line.argument.empty()) return call.line.argument;
  const Result<Json> list = list_processes();
  if (!list.ok()) return list.error();
  std::string found;
  std::size_t count = 0;
  for (const Json& process : *list) {
    if (process.at("state").get<std::string>() != "answers") continue;
    found += fmt::format("{}{}", count++ == 0 ? "" : ", ", process.at("pid").get<int>());
  }
  if (count == 1) return found;
  if (count == 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "no process of yours runs under Terrace and answers; start one by terrace "
                      "run, or see terrace status");
  }
  return make_error(ErrorCode::kUsage, 0, "several processes answer: %.200s; name one",
                    found.c_str());
}

struct StatusAt {
  Json status;
  Nanoseconds at;
};

/// Later answers of a process that has answered before: that it ended is then news of its own.
Result<StatusAt> ask_again(const std::string& pid, const Json& before) {
  Result<Json> status = ask_status(pid);
  if (status.ok()) return StatusAt{std::move(*status), terrace::os::monotonic_now()};
  if (!has_ended(pid)) return status.error();
  return make_error(ErrorCode::kIo, ESRCH, "%s (%.80s) ended while it was watched", pid.c_str(),
                    before.at("program").get<std::string>().c_str());
}

Result<StatusAt> ask_first(const std::string& pid) {
  Result<Json> status = ask_status(pid);
  if (!status.ok()) return status.error();
  return StatusAt{std::move(*status), terrace::os::monotonic_now()};
}

/// `shown` is what came of the answer before.
Json document_of(const Json& shown, Nanoseconds then, const StatusAt& now) {
  return top_document(shown, now.status, static_cast<double>((now.at - then).value) / 1e9);
}

Letters letters() {
  return os::output_takes_utf8() ? Letters::kUtf8 : Letters::kAscii;
}

/// Two answers, since what changes is a matter of two.
int show_once(const Call& call, const std::string& pid, Nanoseconds interval) {
  const Result<StatusAt> before = ask_first(pid);
  if (!before.ok()) return failed(before.error());
  terrace::os::sleep_for(interval);
  const Result<StatusAt> now = ask_again(pid, before->status);
  if (!now.ok()) return failed(now.error());
  const Json document = document_of(before->status, before->at, *now);
  if (call.settings.flag("json")) {
    Json json =
        json_document("top", document.value("machine_id", ""), document.value("emulated", false));
    json["process"] = document;
    print_json(json);
    return 0;
  }
  constexpr int kColumnsOfFile = 100;
  constexpr std::size_t kAllRows = 1000;
  TopLayout layout;
  layout.size = {static_cast<std::size_t>(os::output_columns(kColumnsOfFile)), kAllRows};
  layout.letters = letters();
  for (const TopLine& line : top_lines(document, layout)) std::printf("%s\n", line.text.c_str());
  return 0;
}

/// A program that is stopped or busy may answer later; any other failure is the end.
bool may_pass(const Error& error) {
  return error.code == ErrorCode::kIo && error.saved_errno == ETIMEDOUT;
}

/// Until the reader quits, or the program ends: an error that is said once the screen is gone.
Status watch(const std::string& pid, Nanoseconds interval, const std::string& interval_text) {
  const Result<StatusAt> first = ask_first(pid);
  if (!first.ok()) return first.error();
  Result<TopScreen> screen = TopScreen::open();
  if (!screen.ok()) return screen.error();
  TopLayout layout;
  layout.letters = letters();
  layout.footer = fmt::format("every {}; q quits", interval_text);
  Nanoseconds then = first->at;
  Json document = document_of(first->status, then, *first);
  Nanoseconds due = then + interval;
  for (;;) {
    layout.size = screen->size();
    screen->show(top_lines(document, layout));
    const TopScreen::Event event = screen->wait(due - terrace::os::monotonic_now());
    if (event == TopScreen::Event::kQuit) return ok_status();
    if (event != TopScreen::Event::kTime) continue;
    const Result<StatusAt> now = ask_again(pid, document);
    if (!now.ok() && !may_pass(now.error())) return now.error();
    layout.notice = now.ok() ? "" : now.error().message;
    if (now.ok()) {
      document = document_of(document, then, *now);
      then = now->at;
    }
    due = terrace::os::monotonic_now() + interval;
  }
}

}  // namespace

int top_verb(const Call& call) {
  const Nanoseconds interval = call.settings.duration("interval");
  if (interval < kLeastInterval) {
    say_error(call.settings.place("interval") +
              ": below 100ms, which the program would feel; write 100ms or more");
    return static_cast<int>(ErrorCode::kUsage);
  }
  const Result<std::string> pid = whom_to_ask(call);
  if (!pid.ok()) return failed(pid.error());
  if (call.settings.flag("once") || call.settings.flag("json")) {
    return show_once(call, *pid, interval);
  }
  const Status watched = watch(*pid, interval, call.settings.text("interval"));
  return watched.ok() ? 0 : failed(watched.error());
}

}  // namespace terrace::cli
