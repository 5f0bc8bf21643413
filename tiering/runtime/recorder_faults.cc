// SPDX-License-Identifier: Apache-2.0
// What a window of present bits costs the program beside the recorder's own time: all blocks whose
// page-table entries were dropped come back at a cost, those that the window saw by a fault and,
// later, the rest, whose entries are put back.
#include "allocators/os/mapping.h"
#include "profiler/sources/block_cost.h"
#include "tiering/runtime/recorded_runs.h"
#include "tiering/runtime/recorder.h"

namespace terrace::runtime {
namespace {

using sources::BlockRun;

/// body(first, count) for each stretch of blocks that had entries before the window and are to have
/// them back.
template <typename Body>
void for_each_stretch_to_put_back(const sources::SeenBlock* seen, const BlockRun& run, Body body) {
  const std::uint32_t end = run.first_block + run.blocks;
  for (std::uint32_t first = run.first_block; first < end;) {
    std::uint32_t after = first;
    while (after < end && seen[after].was_mapped() && !seen[after].is_left()) ++after;
    if (after != first) body(first, after - first);
    first = after + 1;
  }
}

}  // namespace

void Recorder::calibrate() {
  for (const os::PageKind pages : {os::PageKind::kSmall, os::PageKind::kHuge}) {
    const Result<sources::BlockCost> cost = sources::measure_block_cost(pages);
    if (!cost) continue;
    (pages == os::PageKind::kHuge ? huge_cost_ : small_cost_) = *cost;
  }
}

/// Of a block. Where it is not known which object: huge pages, if there are any, since objects are
/// made of them then.
const sources::BlockCost& Recorder::block_cost(const extent::Object* object) const {
  const bool huge =
      object != nullptr ? object->page_kind == os::PageKind::kHuge : huge_cost_.faulted.value != 0;
  return huge ? huge_cost_ : small_cost_;
}

/// Before a window drops entries: which blocks have any. The second of a pair drops what the first
/// saw, and no more.
void Recorder::note_mapped(State& runtime) {
  if (!comes_in_pairs() || pairs_.in_second()) return;
  for_each_run(runtime, source_.traits().reach, [&](const BlockRun& run) {
    const bool told = watched_bits_.end_run(run, window_ + run.first_block) == 0;
    for (std::uint32_t i = run.first_block; i < run.first_block + run.blocks; ++i) {
      if (seen_[i].set_mapped(told && window_[i] != 0)) {
        caused_now_ = caused_now_ + block_cost(nullptr).faulted;
      }
      window_[i] = 0;
    }
  });
}

/// The program gave the pages of these blocks back: to map them would bring them into being again.
void Recorder::blocks_emptied(std::uint32_t first, std::uint32_t count) {
  if (!recording()) return;
  for (std::uint32_t i = first; i < first + count; ++i) seen_[i].set_mapped(false);
}

/// Puts the entries of a run back that its windows dropped: one call for many costs the program
/// less than half of what its faults would. Returns the blocks that will fault all the same.
std::uint64_t Recorder::put_back_entries(const State& runtime, const BlockRun& run) {
  std::uint64_t left = 0;
  for_each_stretch_to_put_back(seen_, run, [&](std::uint32_t first, std::uint32_t count) {
    const Bytes size(std::uint64_t{count} << kBlockShift);
    if (os::populate_read(runtime.arena.address_of(first), size) != 0) left += count;
  });
  return left;
}

/// CPU time that the program lost to the faults by which a window saw these pages of 4 KiB.
Nanoseconds Recorder::cost_of_faults(const extent::Object& object, std::uint64_t pages) const {
  constexpr std::uint64_t kPagesPerBlock = kBlockBytes.value >> 12;
  return Nanoseconds(pages * block_cost(&object).faulted.value / kPagesPerBlock);
}

/// What the blocks that no window saw cost the program once the windows are over: their entries are
/// put back, or fault later. Those that are better left cost something when they come back. Before
/// window_ is cleared.
Nanoseconds Recorder::settle_faults(State& runtime) {
  Nanoseconds caused;
  // The next window drops entries again at once.
  if (!comes_in_pairs() || pairs_.second_due()) return caused;
  for_each_object(runtime, [&](const extent::Object& object) {
    const bool huge = object.page_kind == os::PageKind::kHuge;
    const sources::BlockCost& cost = block_cost(&object);
    for_each_run(runtime, object, source_.traits().reach, [&](const BlockRun& run) {
      std::uint64_t still_dropped = 0;
      for (std::uint32_t b = run.first_block; b < run.first_block + run.blocks; ++b) {
        if (!seen_[b].was_mapped() || window_[b] != 0) continue;
        if (huge && seen_[b].is_better_left()) {
          seen_[b].leave();
        } else {
          ++still_dropped;
        }
      }
      // Small pages take as long to put back as to fault in.
      const std::uint64_t left = huge ? put_back_entries(runtime, run) : still_dropped;
      const std::uint64_t put_back = still_dropped > left ? still_dropped - left : 0;
      caused = caused + Nanoseconds(left * cost.faulted.value + put_back * cost.put_back.value);
    });
  });
  return caused;
}

}  // namespace terrace::runtime
