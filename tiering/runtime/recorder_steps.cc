// SPDX-License-Identifier: Apache-2.0
// How the recorder learns the time of a step: it looks at one hot block again and again
// (profiler/sources/step_watch.h has the arithmetic).
#include <algorithm>

#include "allocators/os/clock.h"
#include "tiering/runtime/recorded_runs.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {
namespace {

constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};
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

/// The hottest visible block of the largest object that was touched lately: weights, as a rule. A
/// smaller object's hottest block may be activations, which every layer of a step touches again.
/// Where windows are rare, none may have counted since the last flush: then one that the last
/// window saw, since most blocks that were ever touched may have been so by loading alone.
std::uint32_t Recorder::block_to_watch(State& runtime) const {
  std::uint32_t hottest = kNoBlock;
  std::uint32_t largest = 0;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (object.block_count <= largest) continue;
    std::uint32_t here = kNoBlock;
    std::uint32_t most = 0;
    for_each_visible_run(runtime, object, [&](const sources::BlockRun& run) {
      for (std::uint32_t block = run.first_block; block < run.first_block + run.blocks; ++block) {
        const std::uint32_t touched = 2 * touches_[block] + (seen_[block].in_last() ? 1 : 0);
        if (touched > most) here = block;
        most = std::max(most, touched);
      }
    });
    if (here == kNoBlock) continue;
    hottest = here;
    largest = object.block_count;
  }
  return hottest;
}

void Recorder::begin_watch(State& runtime, Nanoseconds now) {
  next_watch_ = now + watch_interval_.every();
  const std::uint32_t hottest = block_to_watch(runtime);
  if (hottest == kNoBlock) {
    next_watch_ = now + kUntilSomethingIsTouched;
    return;
  }
  activity_ = Activity::kWatch;
  looks_.begin(session::LookKind::kStep, now);
  const std::uint32_t wanted = watch_interval_.is_known() ? sources::StepWatch::kWantedToConfirm
                                                          : sources::StepWatch::kWanted;
  step_watch_.begin(hottest, wanted, now);
  const sources::BlockRun block = one_block(runtime, hottest);
  std::uint32_t mapped = 0;
  watched_bits_.end_run(block, &mapped);
  seen_[hottest].set_mapped(mapped != 0);
  watched_bits_.begin_run(block);
  next_poll_ = now + sources::StepWatch::kPoll;
}

void Recorder::watch(State& runtime, Nanoseconds now) {
  const sources::BlockRun block = one_block(runtime, step_watch_.block());
  std::uint32_t seen = 0;
  if (!is_visible(runtime, block.first_block) || watched_bits_.end_run(block, &seen) != 0) {
    activity_ = Activity::kIdle;
    return;
  }
  step_watch_.poll(seen != 0, now);
  if (seen != 0) {
    seen_[block.first_block].set_mapped(true);
    watched_bits_.begin_run(block);
    caused_now_ = caused_now_ + block_cost(nullptr).faulted;
  }
  next_poll_ = step_watch_.next_poll(now);
  if (!step_watch_.finished(now)) return;
  activity_ = Activity::kIdle;
  put_back_entries(runtime, block);
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

/// Of a turn. A block that is rarely touched is looked at for all of the longest time, which costs
/// what dozens of windows do: of the budget, watches have a quarter.
void Recorder::pay_for_watch(Nanoseconds cost, Nanoseconds now) {
  constexpr std::uint64_t kPartOfBudget = 4;
  if (watch_cost_.value == 0 && activity_ != Activity::kWatch) return;
  watch_cost_ = watch_cost_ + cost;
  if (activity_ == Activity::kWatch) return;
  const Nanoseconds paid(now.value + budget_.pause_for(watch_cost_).value * kPartOfBudget);
  if (paid > next_watch_) next_watch_ = paid;
  watch_cost_ = Nanoseconds();
}

}  // namespace terrace::runtime
