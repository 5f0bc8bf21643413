// SPDX-License-Identifier: Apache-2.0
// The recorder's windows: when they open, how long they are, and what of them counts.
#include <cerrno>

#include "allocators/os/clock.h"
#include "profiler/sources/straddle.h"
#include "tiering/runtime/recorded_runs.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {

using sources::BlockRun;

/// Returns when the runs began, on average over their blocks.
Nanoseconds Recorder::begin_runs(State& runtime) {
  const sources::Traits& traits = source_.traits();
  const Nanoseconds before = os::monotonic_now();
  std::uint64_t blocks = 0;
  std::uint64_t block_ns = 0;
  source_.with([&](auto& source) {
    for_each_run(runtime, traits.reach, [&](const BlockRun& run) {
      source.begin_run(run);
      blocks += run.blocks;
      block_ns += run.blocks * (os::monotonic_now() - before).value;
    });
    return source.begin();
  });
  // Dropped entries stay in the processors' caches of them until the run's last is dropped, and
  // faults wait for that (measured: docs/sources.md).
  if (comes_in_pairs() && blocks != 0) return before + Nanoseconds(block_ns / blocks);
  return middle(before, os::monotonic_now());
}

void Recorder::begin_window(State& runtime, Nanoseconds now) {
  const sources::Traits& traits = source_.traits();
  const bool second = pairs_.begin();
  looks_.begin(session::LookKind::kWindows, now);
  note_mapped(runtime);
  window_begin_ = begin_runs(runtime);
  activity_ = Activity::kWindow;
  begin_writes(runtime);
  const std::uint64_t together = comes_in_pairs() ? 2 : 1;
  if (!second) {
    look_again_ = false;
    period_seen_ = window_began_.value != 0 ? Nanoseconds((now - window_began_).value / together)
                                            : Nanoseconds();
    window_began_ = now;
  }
  const Nanoseconds length = traits.length.value != 0 ? traits.length : window_length_.length();
  window_end_ = window_begin_ + length;
  if (traits.continuous()) {
    next_window_ = window_end_;
    return;
  }
  if (second) return;
  const Nanoseconds one = traits.every > period_ ? traits.every : period_;
  const Nanoseconds every(one.value * together);
  // Windows at a fixed beat could fall into step with the program, and where two that follow on
  // each other always meet the same part of its steps, it looks as if that part were hot.
  const std::uint64_t jitter = (now.value ^ (now.value >> 7)) % (every.value + 1);
  next_window_ = now + Nanoseconds(every.value / 2 + jitter);
}

/// Puts what the window saw into window_.
Recorder::WindowSum Recorder::take_window(State& runtime) {
  const sources::Traits& traits = source_.traits();
  WindowSum sum;
  source_.with([&](auto& source) {
    sum.told = source.end() == 0;
    constexpr bool kMeasured = requires {
      source.take_cpu_time();
    };
    if constexpr (kMeasured) sum.caused = source.take_cpu_time();
    if constexpr (requires { source.observed(); }) sum.observed = source.observed();
    const bool by_faults = !kMeasured && traits.caused.value == 0;
    for_each_object(runtime, [&](const extent::Object& object) {
      std::uint64_t pages = 0;
      for_each_run(runtime, object, traits.reach, [&](const BlockRun& run) {
        sum.blocks += run.blocks;
        const int error = sum.told ? source.end_run(run, window_ + run.first_block) : 0;
        // A run that came later says nothing and spoils nothing.
        if (error != 0 && error != ENOENT) sum.told = false;
        if constexpr (requires { source.pages(); }) pages += sum.told ? source.pages() : 0;
        for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
          if (window_[i] != 0) seen_[i].saw();
          sum.observations += window_[i];
          sum.touched += window_[i] != 0 ? 1 : 0;
          sum.ever += seen_[i].ever() ? 1 : 0;
          if constexpr (!requires { source.pages(); }) pages += window_[i];
        }
      });
      if (by_faults) sum.lost = sum.lost + cost_of_faults(object, pages);
    });
    return 0;
  });
  return sum;
}

/// Windows whose length is steered: was this one shorter than a step?
bool Recorder::is_short_enough(const WindowSum& sum) {
  // While writes are tracked, the program's pace is another: it does not steer.
  if (writes_watched_) return window_length_.is_short_enough(sum.touched, sum.ever);
  if (sum.observations > most_observations_) most_observations_ = sum.observations;
  if (source_.traits().length.value != 0) return true;
  if (source_.traits().grain == sources::Grain::kBlock) {
    return window_length_.adapt(sum.touched, sum.ever);
  }
  return window_length_.adapt(sum.observations, most_observations_);
}

/// Does the window count? One that was too long only because the thread woke late says nothing of
/// the length that is wanted, so it does not steer it.
bool Recorder::is_usable(const WindowSum& sum, Nanoseconds length) {
  using Verdict = sources::LateWindows::Verdict;
  const bool steered = source_.traits().length.value == 0;
  const Verdict verdict =
      steered ? late_windows_.judge(window_end_ - window_begin_, length) : Verdict::kInTime;
  if (!sum.told) return false;
  // A window longer than a step may have seen several passes as one: it does not count.
  const bool sure =
      verdict == Verdict::kInTime ? is_short_enough(sum) : verdict == Verdict::kCounted;
  // But what such a window says at the least is more than nothing, of a short run on a busy
  // machine.
  constexpr std::uint64_t kTries = 4;
  return sure || (steered && !any_counted_ && windows_ >= kTries && sum.touched != 0);
}

/// What the window cost the program's threads.
Nanoseconds Recorder::caused_by(State& runtime, const WindowSum& sum) {
  if (sum.caused.value != 0) return sum.caused;
  const Nanoseconds each = source_.traits().caused;
  if (each.value != 0) return Nanoseconds(sum.observations * each.value);
  return sum.lost + settle_faults(runtime);
}

void Recorder::end_window(State& runtime) {
  activity_ = Activity::kIdle;
  const sources::Traits& traits = source_.traits();
  const Nanoseconds before = os::monotonic_now();
  const WindowSum sum = take_window(runtime);
  const Nanoseconds length = middle(before, os::monotonic_now()) - window_begin_;
  ++windows_;
  if (sum.blocks != 0) ++filled_windows_;
  const bool usable = is_usable(sum, length);
  // Where writes were tracked it tells of them alone: the program is slower then.
  const bool counts = usable && !writes_watched_ && count_pair(runtime, sum) == Outcome::kCounted;
  caused_now_ = caused_now_ + caused_by(runtime, sum);
  for_each_run(runtime, traits.reach, [&](const BlockRun& run) {
    for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
      if (counts) touches_[i] += window_[i];
      window_[i] = 0;
    }
  });
  const std::uint64_t busy = budget_.busy_ppm();
  const Nanoseconds observed =
      sum.observed.value != 0 ? sum.observed : sources::without_faults(length, sum.lost, busy);
  if (usable && writes_watched_) tracked_pace_.tracked_window(sum.touched, observed, busy);
  end_writes(runtime, usable ? Outcome::kCounted : Outcome::kDropped, sum.lost);
  if (!counts) return;
  tracked_pace_.window(sum.touched, observed, busy);
  observed_ = observed_ + observed;
  // One in which nothing was touched, because the program was still starting, says nothing of those
  // that will be needed.
  any_counted_ = any_counted_ || sum.touched != 0;
  ++counted_windows_;
  counted_touches_ += sum.touched;
}

/// Are windows as long as what they see of the blocks asks for?
bool Recorder::is_steered() const {
  const sources::Traits& traits = source_.traits();
  return traits.length.value == 0 && traits.grain == sources::Grain::kBlock;
}

/// The time for which the counts since the last flush stand.
Nanoseconds Recorder::counted_time() const {
  // A thread is mostly under way in some block, but not always in one that it writes to. Between
  // two windows of a pair it is under way too, and both see the block.
  if (!source_.is_open() || !is_steered() ||
      source_.kind() == session::SourceKind::kWriteTracking) {
    return observed_;
  }
  const std::uint64_t repeats = pairs_.tell_losses() ? pairs_.repeats() : 0;
  const std::uint64_t pairs = pairs_.tell_losses() ? pairs_.pairs() : 0;
  return sources::with_passes_under_way(observed_, counted_touches_ + repeats,
                                        counted_windows_ + pairs, budget_.busy_ppm());
}

/// Some sources hold the memory as long as the window is open.
void Recorder::drop_window(State& runtime, const extent::Object& object) {
  if (activity_ != Activity::kWindow) return;
  source_.with([&](auto& source) {
    for_each_run(runtime, object, source.kTraits.reach, [&](const BlockRun& run) {
      source.end_run(run, window_ + run.first_block);
      if (writes_watched_) writes_.end_run(run, window_ + run.first_block);
      for (std::uint32_t i = 0; i < run.blocks; ++i) window_[run.first_block + i] = 0;
    });
    return 0;
  });
}

void Recorder::drop_window(State& runtime) {
  if (activity_ != Activity::kWindow) return;
  take_window(runtime);
  activity_ = Activity::kIdle;
  for_each_run(runtime, source_.traits().reach, [&](const BlockRun& run) {
    for (std::uint32_t i = 0; i < run.blocks; ++i) window_[run.first_block + i] = 0;
  });
  end_writes(runtime, Outcome::kDropped, Nanoseconds());
}

}  // namespace terrace::runtime
