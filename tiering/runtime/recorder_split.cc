// SPDX-License-Identifier: Apache-2.0
// A recording that goes over several files (docs/adr/0040): begins each, and tells in it what
// lives, so that it can be read alone.
#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "profiler/os/append_file.h"
#include "tiering/runtime/recorder.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kRetryAfter = milliseconds(10000);

session::TierRecord tier_record(const FlatTier& tier) {
  session::TierRecord record{};
  std::memcpy(record.name, tier.name, sizeof record.name);
  record.kind = tier.kind;
  record.backing = tier.backing;
  record.capacity_bytes = tier.capacity_bytes;
  record.bandwidth_gbps = tier.bandwidth_gbps;
  record.latency_ns = tier.latency_ns;
  return record;
}

/// Beside the first file, whose name it has. A process that becomes another program keeps its id
/// and may find the first file gone already, so the start is in the name too.
void segment_path(const char* first, std::uint64_t start_ns, std::uint32_t number, char* out,
                  std::size_t capacity) {
  if (number == 1) {
    std::snprintf(out, capacity, "%s", first);
  } else {
    std::snprintf(out, capacity, "%s.%llu.%u", first, static_cast<unsigned long long>(start_ns),
                  number);
  }
}

bool must_be_told(const extent::Object& object) {
  return object.published && object.pages != extent::Pages::kNone;
}

}  // namespace

/// The place of the file behind the one that is open, or of the first one.
session::SegmentRecord Recorder::next_segment(const State& runtime, Nanoseconds now) const {
  session::SegmentRecord segment{};
  segment.recording = split_.recording;
  segment.begin_ns = now.value;
  segment.begin_realtime_ns = os::realtime_now().value;
  segment.number = 1;
  segment.keep = split_.keep;
  if (!session_.is_open()) return segment;
  segment.number = segment_.number + 1;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    segment.carried_objects += must_be_told(runtime.arena.slot(i)) ? 1 : 0;
  }
  return segment;
}

/// The next file, or the first one: header, whose it is, its place, tiers.
Status Recorder::begin_segment(State& runtime, Nanoseconds now) {
  const FlatHeader& flat = *runtime.flat.header;
  session::TierRecord tiers[kMaxTiers];
  for (std::uint32_t i = 0; i < flat.tier_count; ++i) tiers[i] = tier_record(runtime.flat.tiers[i]);
  char executable[4096] = "";
  char host[65];
  os::executable_path(executable, sizeof executable);
  os::host_name(host, sizeof host);
  const session::ProcessOrigin origin{static_cast<std::uint32_t>(os::parent_process_id()),
                                      executable, host};
  const session::SegmentRecord segment = next_segment(runtime, now);
  char path[400];
  segment_path(path_, header_.start_monotonic_ns, segment.number, path, sizeof path);
  const session::SessionStart start{header_, tiers, flat.tier_count, origin,
                                    split_.recording != 0 ? &segment : nullptr};
  const Status begun =
      session_.is_open() ? session_.go_on(path, start) : session_.open(path, start);
  if (!begun) return begun;
  segment_ = segment;
  at_begin_ = session_.written();
  return ok_status();
}

void Recorder::tell_what_lives(State& runtime, Nanoseconds now) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    if (!must_be_told(object)) continue;
    object.published = false;
    object_placed(runtime, object);
  }
  write_source(now);
  if (last_step_.at_ns != 0) session_.step(last_step_);
  session_.cost(last_cost_);
  at_begin_ = session_.written();
}

/// Right behind a flush, so that no heat record reaches over two files. A file holds at least as
/// much of its own as was told at its beginning: a limit below that would write little else.
void Recorder::split_when_due(State& runtime, Nanoseconds now) {
  if (split_.recording == 0 || !recording() || now < retry_) return;
  const Bytes written = session_.written();
  const bool full = split_.bytes != 0 && written + flushed_ > Bytes(split_.bytes) &&
                    written >= at_begin_ + at_begin_;
  const bool old = split_.time_ns != 0 && now.value - segment_.begin_ns >= split_.time_ns;
  if (!full && !old) return;
  write_source(now);
  const Status begun = begin_segment(runtime, now);
  if (!begun) {
    if (recording())
      os::message("recording: %s; goes on in the file before", begun.error().message);
    retry_ = now + kRetryAfter;
    return;
  }
  tell_what_lives(runtime, now);
  if (split_.keep == 0 || segment_.number <= split_.keep) return;
  char path[400];
  segment_path(path_, header_.start_monotonic_ns, segment_.number - split_.keep, path, sizeof path);
  os::remove_file(path);
}

}  // namespace terrace::runtime
