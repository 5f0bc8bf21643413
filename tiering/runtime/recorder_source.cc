// SPDX-License-Identifier: Apache-2.0
// Which access source the recorder works with and why, what it costs and whether that is within
// the budget.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "tiering/runtime/recorder.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

using session::SourceChoice;
using session::SourceKind;

/// 0 when nobody named one.
constexpr auto kNobody = static_cast<SourceKind>(0);

/// Of the sources that see reads, the surest and cheapest first.
constexpr SourceKind kOrder[] = {SourceKind::kMemorySamples, SourceKind::kPresentBits,
                                 SourceKind::kDamon, SourceKind::kReferencedBits};

/// Waking up and going to sleep, which no clock within a turn sees.
constexpr Nanoseconds kWakeUp = microseconds(20);

}  // namespace

void Recorder::before_threads(const State& runtime) {
  const FlatHeader& flat = *runtime.flat.header;
  const auto asked = static_cast<SourceKind>(flat.source);
  if (flat.sample_event_count == 0) return;
  if (asked != kNobody && asked != SourceKind::kMemorySamples) return;
  const Status attached = source_.samples().attach(flat.sample_events, flat.sample_event_count);
  if (!attached) os::quiet_message("%s", attached.error().message);
}

/// Events that can be opened and never count: some virtual machines have them.
void Recorder::give_up_silent_samples(State& runtime) {
  constexpr std::uint64_t kWindowsWithout = 50;
  const bool silent = source_.is_open() && source_.kind() == SourceKind::kMemorySamples &&
                      choice_ == SourceChoice::kAutomatic && windows_ > kWindowsWithout &&
                      most_observations_ == 0;
  if (!silent) return;
  reason_[0] = '\0';
  add_reason("memory samples: the events open, and no sample came; ");
  const sources::Field field{static_cast<char*>(runtime.arena.base()), runtime.arena.block_count()};
  open_first_that_works(field, SourceKind::kMemorySamples);
}

void Recorder::add_reason(const char* format, ...) {
  const std::size_t used = std::strlen(reason_);
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(reason_ + used, sizeof reason_ - used, format, arguments);
  va_end(arguments);
}

Status Recorder::open_source(SourceKind kind, const sources::Field& field) {
  Status opened = source_.open(kind, field);
  if (!opened) add_reason("%s; ", opened.error().message);
  return opened;
}

void Recorder::open_first_that_works(const sources::Field& field, SourceKind except) {
  for (const SourceKind kind : kOrder) {
    if (kind == except) continue;
    if (!open_source(kind, field)) continue;
    add_reason("%s work here", session::name_of(kind));
    return;
  }
  add_reason("no source works here: only emulated links are counted");
}

Result<extent::Observation> Recorder::choose_source(State& runtime) {
  const sources::Field field{static_cast<char*>(runtime.arena.base()), runtime.arena.block_count()};
  const auto asked = static_cast<SourceKind>(runtime.flat.header->source);
  budget_.configure(runtime.flat.header->budget_ppm);
  if (asked == kNobody) {
    open_first_that_works(field, kNobody);
  } else if (const Status opened = open_source(asked, field); opened) {
    choice_ = SourceChoice::kAsked;
    add_reason("asked for");
  } else {
    if (runtime.flat.has(kFlagStrict)) return opened.error();
    choice_ = SourceChoice::kInstead;
    open_first_that_works(field, asked);
  }
  if (choice_ == SourceChoice::kInstead || !source_.is_open()) os::message("source: %s", reason_);
  calibrate();
  if (source_.is_open() && source_.kind() == SourceKind::kPresentBits) {
    writes_open_ = writes_.open(field).ok();
    if (!writes_open_) add_reason("; writes are not told apart here");
  }
  if (source_.is_open() && source_.traits().memory == sources::Memory::kPrivate) {
    runtime.arena.keep_objects_apart();
    return extent::Observation::kNone;
  }
  // Not being able to watch a block leaves the step unknown, no more.
  if (const Status opened = watched_bits_.open(field); !opened) {
    add_reason("; %s", opened.error().message);
  }
  files_ = true;
  return extent::Observation::kBlocks;
}

/// Adds what a turn cost, in which the thread used `turn_cpu`, and plans the pause that pays for
/// it.
void Recorder::charge(Nanoseconds turn_cpu) {
  // The background thread also copies memory for late placement: that is no cost of recording.
  const Nanoseconds between = cpu_ - cpu_left_;
  const Nanoseconds own = turn_cpu + (between < kWakeUp ? between : kWakeUp);
  own_cpu_ = own_cpu_ + own;
  caused_cpu_ = caused_cpu_ + caused_now_;
  const Nanoseconds now = os::monotonic_now();
  budget_.spent(own + caused_now_, now);
  pay_for_watch(own + caused_now_, now);
  if (looks_.is_open()) {
    looks_.add(own, caused_now_);
    if (activity_ == Activity::kIdle) looks_.end(now);
    if (looks_.is_full()) write_looks();
  }
  caused_now_ = Nanoseconds();
}

void Recorder::write_looks() {
  session_.looks(looks_.ended(), looks_.count());
  looks_.written();
}

void Recorder::write_source(Nanoseconds now) {
  if (!source_.is_open()) return;
  const sources::Traits& traits = source_.traits();
  session::SourceRecord record{};
  record.at_ns = now.value;
  record.source = static_cast<std::uint32_t>(traits.kind);
  record.choice = static_cast<std::uint32_t>(choice_);
  record.bytes_per_observation = source_.per_observation().value;
  record.confidence_pct = traits.confidence_pct;
  record.budget_ppm = budget_.share_ppm();
  record.period_ns = period_seen_.value;
  record.window_ns = traits.length.value != 0 ? traits.length.value : window_length_.length().value;
  record.own_cpu_ns = own_cpu_.value;
  record.caused_cpu_ns = caused_cpu_.value;
  record.program_cpu_ns = (os::process_cpu_now() - cpu_).value;
  record.fault_cost_ns =
      traits.caused.value != 0 ? traits.caused.value : block_cost(nullptr).faulted.value;
  session_.source(record, reason_);
  if (writes_open_) write_writes(record);
  last_source_ = now;
}

}  // namespace terrace::runtime
