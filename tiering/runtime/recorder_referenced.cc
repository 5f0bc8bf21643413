// SPDX-License-Identifier: Apache-2.0
// The recorder where present bits cannot be read: the kernel's referenced bits, one figure for each
// object. Clearing them makes the program's next touches dearer (1.7 to 2 times a step with 4 KiB
// pages), so windows are rare.
#include "allocators/os/clock.h"
#include "tiering/runtime/recorder.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kReferencedEvery = milliseconds(5000);
constexpr Nanoseconds kReferencedWindow = milliseconds(50);
constexpr std::uint32_t kMostObjects = 256;

}  // namespace

Nanoseconds Recorder::turn_referenced(State& runtime, Nanoseconds now) {
  if (activity_ == Activity::kReferenced) return window_end_;
  if (now - last_flush_ >= milliseconds(1000)) flush(runtime, now);
  if (now < next_window_) return next_window_;
  begin_referenced(now);
  return activity_ == Activity::kReferenced ? window_end_ : next_window_;
}

void Recorder::begin_referenced(Nanoseconds now) {
  next_window_ = now + kReferencedEvery;
  if (referenced_.open_window(now) != 0) return;
  activity_ = Activity::kReferenced;
  window_end_ = now + kReferencedWindow;
}

void Recorder::end_referenced(State& runtime, Nanoseconds now) {
  activity_ = Activity::kIdle;
  os::ReferencedRange ranges[kMostObjects] = {};
  std::uint64_t objects[kMostObjects];
  std::uint32_t count = 0;
  // Slots are in order of birth; the source wants addresses in order.
  for (std::uint32_t i = 0; i < runtime.arena.object_slots() && count < kMostObjects; ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (!object.published || object.pages == extent::Pages::kNone) continue;
    const auto base =
        reinterpret_cast<std::uintptr_t>(runtime.arena.address_of(object.first_block));
    std::uint32_t at = count++;
    for (; at > 0 && ranges[at - 1].base > base; --at) {
      ranges[at] = ranges[at - 1];
      objects[at] = objects[at - 1];
    }
    ranges[at] = {};
    ranges[at].base = base;
    ranges[at].size = object.size_bytes;
    objects[at] = object.id;
  }
  if (referenced_.close_window(ranges, count, now) != 0) return;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto sample = referenced_.sample(objects[i], ranges[i]);
    session_.heat(sample.record, &sample.touches);
  }
  ++windows_;
}

}  // namespace terrace::runtime
