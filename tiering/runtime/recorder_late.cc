// SPDX-License-Identifier: Apache-2.0
// Recording that begins while the program runs. What objects are made of was decided when they were
// placed, so a source has to do with that.
#include "allocators/os/clock.h"
#include "tiering/runtime/recorder.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

using session::SourceKind;

constexpr std::uint32_t kUsualBudgetPpm = 10000;

}  // namespace

/// What an earlier recording learnt and counted. The tables stay: flush() leaves them at zero.
void Recorder::forget() {
  source_.close();
  writes_.close();
  watched_bits_.close();
  writes_open_ = false;
  writes_watched_ = false;
  choice_ = session::SourceChoice::kAutomatic;
  reason_[0] = '\0';
  window_length_ = sources::WindowLength();
  budget_ = sources::Budget();
  activity_ = Activity::kIdle;
  window_began_ = Nanoseconds();
  period_seen_ = Nanoseconds();
  forget_windows();
  windows_ = 0;
  any_counted_ = false;
  look_again_ = false;
  filled_windows_ = 0;
  next_writes_ = kFirstWrites;
  tracked_pace_ = sources::TrackedPace();
  watch_cost_ = Nanoseconds();
  watch_interval_ = sources::WatchInterval();
  pairs_ = sources::WindowPairs();
  late_windows_ = sources::LateWindows();
  looks_ = sources::LookLog();
  most_observations_ = 0;
  own_cpu_ = Nanoseconds();
  caused_cpu_ = Nanoseconds();
  caused_now_ = Nanoseconds();
  split_ = {};
  last_cost_ = {};
  last_step_ = {};
  flushed_ = Bytes();
  retry_ = Nanoseconds();
  cpu_left_ = os::thread_cpu_now();
}

Status Recorder::choose_late_source(State& runtime) {
  const sources::Field field{static_cast<char*>(runtime.arena.base()), runtime.arena.block_count()};
  const std::uint32_t ppm = runtime.flat.header->budget_ppm;
  budget_.configure(ppm != 0 ? ppm : kUsualBudgetPpm);
  // Sampled events follow only threads that start after them, so they come too late.
  constexpr SourceKind kForFiles[] = {SourceKind::kPresentBits, SourceKind::kDamon,
                                      SourceKind::kReferencedBits};
  for (const SourceKind kind : kForFiles) {
    if (kind == SourceKind::kPresentBits && !files_) continue;
    if (!open_source(kind, field)) continue;
    const char* const name = session::name_of(kind);
    add_reason("%s work in a program that runs already", name != nullptr ? name : "they");
    if (kind == SourceKind::kReferencedBits) {
      add_reason("; objects that share a mapping share its heat by their size");
    }
    break;
  }
  if (!source_.is_open()) {
    return make_error(ErrorCode::kCapabilityMissing, 0, "no source works here: %s", reason_);
  }
  calibrate();
  if (files_ && source_.kind() == SourceKind::kPresentBits) {
    writes_open_ = writes_.open(field).ok();
    if (!watched_bits_.open(field)) add_reason("; the step cannot be watched");
  }
  return ok_status();
}

Status Recorder::start_late(State& runtime, const char* path, const session::SplitRule& split) {
  if (runtime.link_count != 0 && !runtime.flat.has(kFlagRecord)) {
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "its tiers are emulated, and passes over them are counted only in a program "
                      "that terrace record or run --record started");
  }
  forget();
  if (const Status chosen = choose_late_source(runtime); !chosen) return chosen;
  split_ = split;
  if (const Status started = start_at(runtime, path); !started) {
    source_.close();
    return started;
  }
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    object.published = false;
    if (object.pages == extent::Pages::kPlaced || object.pages == extent::Pages::kFrozen) {
      object_placed(runtime, object);
    }
  }
  at_begin_ = session_.written();
  return ok_status();
}

}  // namespace terrace::runtime
