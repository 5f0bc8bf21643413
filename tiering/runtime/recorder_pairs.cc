// SPDX-License-Identifier: Apache-2.0
// What pairs of the recorder's windows tell that one window cannot: passes that were lost because
// two of them in a window look like one, and how long windows may be.
#include "tiering/runtime/recorded_runs.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {

using sources::BlockRun;

/// Present bits: two looks at once cost what two looks cost, and a count is of one window.
bool Recorder::comes_in_pairs() const {
  return source_.is_open() && source_.kind() == session::SourceKind::kPresentBits;
}

/// Of a window that is usable, before window_ is cleared. kDropped: by what pairs tell, it and
/// those before it were far too long, which weigh more the longer they were.
Recorder::Outcome Recorder::count_pair(State& runtime, const WindowSum& sum) {
  if (!comes_in_pairs()) return Outcome::kCounted;
  sources::WindowPairs::Seen all;
  sources::WindowPairs::Seen varied;
  for_each_run(runtime, source_.traits().reach, [&](const BlockRun& run) {
    for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
      sources::SeenBlock& block = seen_[i];
      const bool seen = window_[i] != 0;
      const bool before = pairs_.in_second() ? block.second_window(seen) : block.first_window(seen);
      if (!seen) continue;
      const sources::WindowPairs::Seen one{1, before ? std::uint64_t{1} : 0};
      all += one;
      if (!block.is_in_constant_use()) varied += one;
    }
  });
  if (pairs_.in_second()) {
    pairs_.second_counted(all, varied);
  } else {
    pairs_.first_counted(all, varied, sum.ever);
  }
  // The two of a pair are of one length.
  if (pairs_.second_due() || !pairs_.tell_length()) return Outcome::kCounted;
  const double chance = pairs_.take_chance();
  const Nanoseconds before = window_length_.length();
  window_length_.saturated(chance);
  // The shortest are all that there is.
  const bool better_come = window_length_.length() < before;
  if (!better_come || !sources::WindowPairs::is_far_too_long(chance)) return Outcome::kCounted;
  forget_counts(runtime);
  look_again_ = true;
  return Outcome::kDropped;
}

void Recorder::forget_touch_windows() {
  observed_ = Nanoseconds();
  counted_windows_ = 0;
  counted_touches_ = 0;
  pairs_.counts_written();
}

/// What windows saw since counts were written.
void Recorder::forget_counts(State& runtime) {
  for_each_run(runtime, source_.traits().reach, [&](const BlockRun& run) {
    for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
      touches_[i] = 0;
      seen_[i].forget_repeats();
    }
  });
  forget_touch_windows();
}

/// Of windows that come one by one: that a window sees the block of an average touch, from the
/// counts since the last flush.
double Recorder::chance_of_touch(State& runtime) const {
  // Of two windows, the chance that both saw a block: without bias by its own count. A window
  // counts one for a block, or as many pages as were written.
  const sources::Traits& traits = source_.traits();
  const std::uint64_t most =
      traits.per_observation.value == 0 ? 1 : kBlockBytes.value / traits.per_observation.value;
  double both = 0;
  for_each_run(runtime, traits.reach, [&](const BlockRun& run) {
    for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
      const auto seen = static_cast<double>(touches_[i]) / static_cast<double>(most);
      both += seen * (seen - 1);
    }
  });
  const auto touches = static_cast<double>(counted_touches_);
  return touches > 0 ? both / touches / static_cast<double>(counted_windows_ - 1) : 0;
}

/// To the counts of the object that are about to be written. Writes of a block are lost as its
/// touches are.
void Recorder::add_lost_passes(const extent::Object& object) {
  const bool told = pairs_.tell_losses();
  for (std::uint32_t i = object.first_block; i < object.first_block + object.block_count; ++i) {
    if (!told) seen_[i].forget_repeats();
    const std::uint32_t lost = seen_[i].take_lost(touches_[i], counted_windows_);
    if (lost == 0 || touches_[i] == 0) continue;
    written_[i] += static_cast<std::uint32_t>(std::uint64_t{written_[i]} * lost / touches_[i]);
    touches_[i] += lost;
  }
}

}  // namespace terrace::runtime
