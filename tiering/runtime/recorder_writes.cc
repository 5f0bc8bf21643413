// SPDX-License-Identifier: Apache-2.0
// Besides present bits, which tell reads and writes alike, the recorder tracks writes in one window
// of eight, which costs twice what the others do: what is written costs a tier more than what is
// read (profiler/sources/write_tracking.h). It is no part of a pair.
#include "allocators/os/clock.h"
#include "profiler/sources/straddle.h"
#include "tiering/runtime/recorded_runs.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {
namespace {

constexpr std::uint64_t kWindowsForOne = 8;

}  // namespace

void Recorder::begin_writes(State& runtime) {
  if (!writes_open_ || pairs_.in_second() || filled_windows_ < next_writes_) return;
  next_writes_ = filled_windows_ + kWindowsForOne;
  writes_watched_ = true;
  const Nanoseconds before = os::monotonic_now();
  for_each_run(runtime, sources::WriteTracking::kTraits.reach,
               [&](const sources::BlockRun& run) { writes_.begin_run(run); });
  writes_begin_ = middle(before, os::monotonic_now());
  // The program's next fault waits for it; its threads are on average half of this time at work.
  window_begin_ = window_begin_ + (writes_begin_ - before);
}

/// A window that does not count must be ended all the same. What it saw passes through window_,
/// which is clear by now.
void Recorder::end_writes(State& runtime, Outcome outcome, Nanoseconds lost) {
  if (!writes_watched_) return;
  writes_watched_ = false;
  constexpr sources::Reach kReach = sources::WriteTracking::kTraits.reach;
  const Nanoseconds before = os::monotonic_now();
  for_each_object(runtime, [&](const extent::Object& object) {
    std::uint64_t pages = 0;
    for_each_run(runtime, object, kReach, [&](const sources::BlockRun& run) {
      writes_.end_run(run, window_ + run.first_block);
      for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
        pages += window_[i];
        if (outcome == Outcome::kCounted) written_[i] += window_[i];
        window_[i] = 0;
      }
    });
    caused_now_ = caused_now_ + cost_of_faults(object, pages);
  });
  if (outcome == Outcome::kDropped) return;
  const Nanoseconds length = middle(before, os::monotonic_now()) - writes_begin_;
  writes_observed_ = writes_observed_ + sources::without_faults(length, lost, budget_.busy_ppm());
}

void Recorder::flush_writes(const State& runtime, session::HeatRecord record,
                            const extent::Object& object) {
  std::uint32_t* const written = written_ + object.first_block;
  if (writes_observed_.value != 0 &&
      is_within(runtime, object, sources::WriteTracking::kTraits.reach)) {
    record.source = static_cast<std::uint32_t>(session::SourceKind::kWriteTracking);
    record.observed_ns = static_cast<std::uint64_t>(static_cast<double>(writes_observed_.value) *
                                                    tracked_pace_.share());
    session_.heat(record, written);
  }
  for (std::uint32_t i = 0; i < object.block_count; ++i) written[i] = 0;
}

/// The cost of both is one, and is told with the other.
void Recorder::write_writes(session::SourceRecord record) {
  const sources::Traits& traits = sources::WriteTracking::kTraits;
  record.source = static_cast<std::uint32_t>(traits.kind);
  record.bytes_per_observation = traits.per_observation.value;
  record.confidence_pct = traits.confidence_pct;
  record.period_ns = record.period_ns * kWindowsForOne;
  record.own_cpu_ns = 0;
  record.caused_cpu_ns = 0;
  session_.source(record, "writes told apart in one window of eight; cost told with present-bits");
}

}  // namespace terrace::runtime
