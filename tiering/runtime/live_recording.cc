// SPDX-License-Identifier: Apache-2.0
// Begins and ends a recording in a program that runs already, as `terrace record -p` asks. Runs on
// the status server's thread. The recording is lent: who asked for it says again and again that it
// shall go on, and where nobody does so any more it ends by itself.
// Commands: record_command.h's, "keep", "end". Answers: {"schema_version":1,"kind":"recording",
// "recording":BOOL,"path":TEXT,"code":N,"error":TEXT}.
#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "tiering/control/json_text.h"
#include "tiering/control/record_command.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kLent = milliseconds(10000);
constexpr Nanoseconds kForEver = Nanoseconds(~std::uint64_t{0});

constexpr const char* kNotRecording = "it is not being recorded";

Status begin(State& runtime, const char* text) {
  if (runtime.stage.load() != Stage::kRunning) {
    return make_error(ErrorCode::kCapabilityMissing, 0, "it places nothing any more");
  }
  if (runtime.forked) {
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "it is a fork's child, which has no thread to record with");
  }
  if (runtime.recorder.recording()) {
    return make_error(ErrorCode::kUsage, 0, "it is being recorded already");
  }
  const Result<control::RecordCommand> asked = control::read_record_command(text);
  if (!asked) return asked.error();
  const Status started = runtime.recorder.start_late(runtime, asked->path, asked->split);
  if (!started) return started;
  runtime.recording_lent = true;
  runtime.record_until = os::monotonic_now() + kLent;
  wake_background(runtime, Nanoseconds(0));
  return ok_status();
}

Status keep(State& runtime) {
  if (!runtime.recorder.recording() || !runtime.recording_lent) {
    return make_error(ErrorCode::kIo, 0, "%s", kNotRecording);
  }
  runtime.record_until = os::monotonic_now() + kLent;
  return ok_status();
}

Status end(State& runtime) {
  if (!runtime.recorder.recording() || !runtime.recording_lent) {
    return make_error(ErrorCode::kIo, 0, "%s", kNotRecording);
  }
  runtime.recorder.stop(runtime);
  runtime.recording_lent = false;
  runtime.record_until = kForEver;
  return ok_status();
}

Status obey(State& runtime, const char* command) {
  const LockGuard guard(runtime.lock);
  if (control::is_record_command(command)) return begin(runtime, command);
  if (std::strcmp(command, "keep") == 0) return keep(runtime);
  if (std::strcmp(command, "end") == 0) return end(runtime);
  return make_error(ErrorCode::kUsage, 0, "%s", control::kUnknownCommand);
}

}  // namespace

std::size_t obey_command(void* context, const char* command, char* out) {
  State& runtime = *static_cast<State*>(context);
  const Status done = obey(runtime, command);
  control::JsonText json(out, control::kMaxDocument);
  json.put("{\"schema_version\":1,\"kind\":\"recording\",\"recording\":%s,\"code\":%d,\"error\":",
           runtime.recorder.recording() ? "true" : "false",
           done ? 0 : static_cast<int>(done.error().code));
  json.put_quoted(done ? "" : done.error().message);
  json.put("}\n");
  return json.size();
}

}  // namespace terrace::runtime
