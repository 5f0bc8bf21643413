// SPDX-License-Identifier: Apache-2.0
// The background thread: places objects that grew old enough, and records.
#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kIdle = milliseconds(1000);

/// Places what is due; when the next object will be.
Nanoseconds place_aged(State& runtime, Nanoseconds now) {
  const Nanoseconds age = milliseconds(runtime.flat.header->late_age_ms);
  Nanoseconds next = now + kIdle;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    // An exchange would undo protections and fill holes.
    if (object.pages != extent::Pages::kOrdinary || object.reshaped) continue;
    const Nanoseconds due = object.born + age;
    if (due <= now) {
      place_late(runtime, object);
    } else if (due < next) {
      next = due;
    }
  }
  return next;
}

/// What is due of recording; when it wants to be called again.
Nanoseconds record(State& runtime, Nanoseconds now) {
  if (!runtime.recorder.recording()) return now + kIdle;
  if (now < runtime.record_until) {
    const Nanoseconds due = runtime.recorder.turn(runtime, now);
    return due < runtime.record_until ? due : runtime.record_until;
  }
  runtime.recorder.stop(runtime);
  runtime.record_until = Nanoseconds(~std::uint64_t{0});
  if (runtime.recording_lent) {
    runtime.recording_lent = false;
    return now + kIdle;
  }
  os::message("recorded for %u ms as asked; the program goes on", runtime.flat.header->record_ms);
  return now + kIdle;
}

}  // namespace

void wake_background(State& runtime, Nanoseconds due) {
  if (!runtime.background_started) {
    runtime.background_started = true;
    const int error = os::start_thread(&background_body, &runtime, "terrace-runtime");
    if (error != 0) {
      os::message("no background thread (errno %d): nothing is recorded or placed late", error);
    }
  }
  // A ring is a system call, and a program may allocate thousands of times before anything is due.
  if (due < runtime.background_wakes) runtime.background_bell.ring();
}

void* background_body(void* argument) {
  State& runtime = *static_cast<State*>(argument);
  os::precise_timers();
  for (;;) {
    Nanoseconds now = os::monotonic_now();
    Nanoseconds next;
    {
      const LockGuard guard(runtime.lock);
      next = runtime.spares.drop_old(runtime.extents, now, place_aged(runtime, now));
      next = runtime.file_returns.turn(runtime, now, next);
      const Nanoseconds due = record(runtime, now);
      if (due < next) next = due;
      runtime.background_wakes = next;
    }
    now = os::monotonic_now();
    runtime.background_bell.wait(next - now);
  }
}

}  // namespace terrace::runtime
