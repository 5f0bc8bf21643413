// SPDX-License-Identifier: Apache-2.0
// How the recorder learns the time of a step: it looks at one hot block again and again
// (profiler/sources/step_watch.h has the arithmetic), which it chooses by looking at several
// (step_scout.h).
#include <algorithm>
#include <optional>

#include "allocators/os/clock.h"
#include "tiering/runtime/recorded_runs.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kUntilSomethingIsTouched = milliseconds(1000);

sources::BlockRun one_block(const State& runtime, std::uint32_t block) {
  return {runtime.arena.address_of(block), block, 1};
}

/// Is the block one of these still? A fork, munmap or mprotect may have made it private memory, of
/// which dropping the page-table entries would drop the content.
bool is_visible(State& runtime, std::uint32_t block) {
  const extent::Object* object = runtime.arena.find(runtime.arena.address_of(block));
  bool visible = false;
  if (object == nullptr) return visible;
  for_each_visible_run(runtime, *object, [&](const sources::BlockRun& run) {
    visible = visible || block - run.first_block < run.blocks;
  });
  return visible;
}

}  // namespace

/// Of the object of which most was touched lately, weights as a rule, the hottest visible block of
/// each part of it, to choose from. By the last dozen windows, where the source has them: since the
/// last flush there may have been none, and what loading touched is forgotten. Blocks in constant
/// use may be activations, which every layer of a step touches again.
void Recorder::find_blocks_to_watch(State& runtime) {
  struct Hottest {
    std::uint32_t block = 0;
    std::uint32_t touched = 0;
  };
  constexpr std::uint32_t kParts = sources::StepScout::kMost;
  std::uint64_t most = 0;
  Hottest of_most[kParts];
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    Hottest of_part[kParts];
    std::uint64_t sum = 0;
    for_each_visible_run(runtime, object, [&](const sources::BlockRun& run) {
      for (std::uint32_t block = run.first_block; block < run.first_block + run.blocks; ++block) {
        const std::uint32_t lately = std::min(touches_[block], std::uint32_t{255});
        const std::uint32_t touched = 256 * seen_[block].recent() + lately;
        const std::uint64_t place = block - object.first_block;
        Hottest& here = of_part[place * kParts / object.block_count];
        if (touched > here.touched) here = {block, touched};
        if (!seen_[block].is_in_constant_use()) sum += touched;
      }
    });
    if (sum <= most) continue;
    std::copy_n(of_part, kParts, of_most);
    most = sum;
  }
  // Not stable_sort(), which allocates.
  std::sort(of_most, of_most + kParts,
            [](const Hottest& a, const Hottest& b) { return a.touched > b.touched; });
  for (const Hottest& one : of_most) {
    if (one.touched != 0) scout_.add(one.block);
  }
}

void Recorder::begin_watch(State& runtime, Nanoseconds now) {
  next_watch_ = now + watch_interval_.every();
  scout_.begin(now);
  // What told the step once tells whether it is still so.
  if (watch_interval_.is_known() && is_visible(runtime, step_watch_.block())) {
    scout_.add(step_watch_.block());
  } else {
    find_blocks_to_watch(runtime);
  }
  if (scout_.count() == 0) {
    next_watch_ = now + kUntilSomethingIsTouched;
    return;
  }
  activity_ = Activity::kScout;
  looks_.begin(session::LookKind::kStep, now);
  for (std::uint32_t i = 0; i < scout_.count(); ++i) {
    const sources::BlockRun block = one_block(runtime, scout_.block(i));
    std::uint32_t mapped = 0;
    watched_bits_.end_run(block, &mapped);
    if (seen_[block.first_block].set_mapped(mapped != 0)) {
      caused_now_ = caused_now_ + block_cost(nullptr).faulted;
    }
    watched_bits_.begin_run(block);
  }
  next_poll_ = scout_.next_poll(now);
}

/// Since the last poll; and watches on. Nothing: it is not to be seen any more.
std::optional<bool> Recorder::poll_block(State& runtime, std::uint32_t block) {
  const sources::BlockRun run = one_block(runtime, block);
  std::uint32_t seen = 0;
  if (!is_visible(runtime, block) || watched_bits_.end_run(run, &seen) != 0) return std::nullopt;
  if (seen == 0) return false;
  seen_[block].set_mapped(true);
  watched_bits_.begin_run(run);
  caused_now_ = caused_now_ + block_cost(nullptr).faulted;
  return true;
}

void Recorder::scout(State& runtime, Nanoseconds now) {
  for (std::uint32_t i = 0; i < scout_.count(); ++i) {
    scout_.poll(i, poll_block(runtime, scout_.block(i)).value_or(false), now);
  }
  next_poll_ = scout_.next_poll(now);
  if (!scout_.finished(now)) return;
  const bool found = scout_.found();
  for (std::uint32_t i = 0; i < scout_.count(); ++i) {
    const std::uint32_t block = scout_.block(i);
    const bool goes_on = found && block == scout_.best();
    if (!goes_on && is_visible(runtime, block)) {
      put_back_entries(runtime, one_block(runtime, block));
    }
  }
  step_watch_.begin(scout_.best(),
                    watch_interval_.is_known() ? sources::StepWatch::kWantedToConfirm
                                               : sources::StepWatch::kWanted,
                    now);
  activity_ = Activity::kWatch;
  if (found) return;
  if (!scout_.any_touched()) forget_touches_around(runtime, scout_.best());
  end_watch(now);
}

/// Nobody came by while its object was looked at: it was touched by loading.
void Recorder::forget_touches_around(const State& runtime, std::uint32_t block) {
  const extent::Object* const object = runtime.arena.find(runtime.arena.address_of(block));
  if (object == nullptr) return;
  for (std::uint32_t i = 0; i < object->block_count; ++i) {
    seen_[object->first_block + i].forget_recent();
  }
}

void Recorder::watch(State& runtime, Nanoseconds now) {
  const std::optional<bool> touched = poll_block(runtime, step_watch_.block());
  if (!touched) {
    activity_ = Activity::kIdle;
    return;
  }
  step_watch_.poll(*touched, now);
  next_poll_ = step_watch_.next_poll(now);
  if (!step_watch_.finished(now)) return;
  put_back_entries(runtime, one_block(runtime, step_watch_.block()));
  end_watch(now);
}

void Recorder::end_watch(Nanoseconds now) {
  activity_ = Activity::kIdle;
  const Nanoseconds period = step_watch_.period();
  watch_interval_.ended(period);
  next_watch_ = step_watch_.begun() + watch_interval_.every();
  if (period.value == 0) return;
  session::StepRecord record{};
  record.at_ns = now.value;
  record.period_ns = period.value;
  record.observations = step_watch_.observations();
  session_.step(record);
  last_step_ = record;
}

bool Recorder::is_watching() const {
  return activity_ == Activity::kWatch || activity_ == Activity::kScout;
}

/// Of the object: what is looked at ends with it.
bool Recorder::watches(const extent::Object& object) const {
  const auto within = [&](std::uint32_t block) {
    return block - object.first_block < object.block_count;
  };
  if (activity_ == Activity::kWatch) return within(step_watch_.block());
  bool any = false;
  for (std::uint32_t i = 0; activity_ == Activity::kScout && i < scout_.count(); ++i) {
    any = any || within(scout_.block(i));
  }
  return any;
}

/// Of a turn. A block that is rarely touched is looked at for all of the longest time, which costs
/// what dozens of windows do: of the budget, watches have a quarter.
void Recorder::pay_for_watch(Nanoseconds cost, Nanoseconds now) {
  constexpr std::uint64_t kPartOfBudget = 4;
  if (watch_cost_.value == 0 && !is_watching()) return;
  watch_cost_ = watch_cost_ + cost;
  if (is_watching()) return;
  const Nanoseconds paid(now.value + budget_.pause_for(watch_cost_).value * kPartOfBudget);
  if (paid > next_watch_) next_watch_ = paid;
  watch_cost_ = Nanoseconds();
}

}  // namespace terrace::runtime
