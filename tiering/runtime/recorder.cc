// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/recorder.h"

#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "tiering/runtime/recorded_runs.h"

namespace terrace::runtime {
namespace {

constexpr Nanoseconds kFlushEvery = milliseconds(1000);
constexpr Nanoseconds kFirstWatch = milliseconds(1500);
constexpr std::uint64_t kBytesForBlock = 3 * sizeof(std::uint32_t) + sizeof(sources::SeenBlock);
constexpr Nanoseconds kSourceEvery = milliseconds(10000);

bool sees_private(const sources::SourceSet& source) {
  return source.is_open() && source.traits().reach == sources::Reach::kAll;
}

}  // namespace

/// Tables of one entry for each block of the arena: address space, until they are touched.
Status Recorder::open_tables(std::uint64_t blocks) {
  if (touches_ != nullptr) return ok_status();
  const Bytes table = round_up_to_block(Bytes(blocks * kBytesForBlock));
  auto* memory = static_cast<char*>(os::reserve_address_space(table));
  if (memory == nullptr || os::map_private(memory, table, os::PageAdvice::kNone) != 0) {
    return make_error(ErrorCode::kIo, 0, "recording: no address space for %llu blocks",
                      static_cast<unsigned long long>(blocks));
  }
  touches_ = reinterpret_cast<std::uint32_t*>(memory);
  window_ = touches_ + blocks;
  written_ = window_ + blocks;
  seen_ = reinterpret_cast<sources::SeenBlock*>(written_ + blocks);
  return live_heat_.open(blocks);
}

Status Recorder::open_session(State& runtime, const char* path) {
  header_ = {};
  std::memcpy(header_.magic, session::kMagic, sizeof header_.magic);
  header_.schema_version = session::kSchemaVersion;
  header_.header_bytes = sizeof header_;
  header_.start_realtime_ns = os::realtime_now().value;
  header_.start_monotonic_ns = os::monotonic_now().value;
  header_.pid = static_cast<std::uint32_t>(os::process_id());
  header_.emulated = runtime.link_count != 0 ? 1 : 0;
  std::memcpy(header_.machine_id, runtime.flat.header->machine_id, sizeof header_.machine_id);
  os::executable_path(header_.executable, sizeof header_.executable);
  if (std::strlen(path) >= sizeof path_) {
    return make_error(ErrorCode::kUsage, 0, "the session's name has more than %zu bytes",
                      sizeof path_ - 1);
  }
  std::strcpy(path_, path);
  return begin_segment(runtime, Nanoseconds(header_.start_monotonic_ns));
}

Status Recorder::start(State& runtime) {
  char path[320];
  expand_path(runtime.flat.header->session_path, Existing::kKeep, path, sizeof path);
  split_ = runtime.flat.header->split;
  return start_at(runtime, path);
}

Status Recorder::start_at(State& runtime, const char* path) {
  if (const Status opened = open_tables(runtime.arena.block_count()); !opened) return opened;
  if (const Status opened = open_session(runtime, path); !opened) return opened;
  const Nanoseconds now = os::monotonic_now();
  const std::uint32_t window_hz = runtime.flat.header->window_hz;
  period_ = Nanoseconds(1000000000u / (window_hz != 0 ? window_hz : 1));
  next_window_ = now + period_;
  next_watch_ = now + kFirstWatch;
  last_flush_ = now;
  write_source(now);
  return ok_status();
}

void Recorder::object_placed(State& runtime, extent::Object& object) {
  if (!recording() || object.published) return;
  object.published = true;
  session::ObjectBirth birth;
  birth.object = object.id;
  birth.key = object.key;
  birth.site = object.site.frame_count != 0 ? &object.site : nullptr;
  birth.base_address =
      reinterpret_cast<std::uintptr_t>(runtime.arena.address_of(object.first_block));
  birth.born = object.born;
  birth.block_tiers = runtime.arena.tiers_of(object);
  birth.block_count = object.block_count;
  birth.path = object.path[0] != '\0' ? object.path : nullptr;
  session_.object_born(birth);
}

void Recorder::object_ended(State& runtime, extent::Object& object) {
  if (!recording() || !object.published) return;
  const Nanoseconds now = os::monotonic_now();
  drop_window(runtime, object);
  flush_object(runtime, object, now);
  session_.object_ended(object.id, now);
  for (std::uint32_t i = 0; i < object.block_count; ++i) seen_[object.first_block + i] = {};
  if (watches(object)) activity_ = Activity::kIdle;
}

Nanoseconds Recorder::turn(State& runtime, Nanoseconds now) {
  cpu_ = os::thread_cpu_now();
  if (activity_ == Activity::kWindow && now >= window_end_) {
    end_window(runtime);
    if (pairs_.second_due()) begin_window(runtime, now);
  }
  if (activity_ == Activity::kScout && now >= next_poll_) scout(runtime, now);
  if (activity_ == Activity::kWatch && now >= next_poll_) watch(runtime, now);
  const bool free = activity_ == Activity::kIdle && now >= free_at();
  if (free && now >= next_watch_) begin_watch(runtime, now);
  if (free && activity_ == Activity::kIdle && now >= next_window_ && source_.is_open()) {
    begin_window(runtime, now);
  }
  if (now - last_flush_ >= kFlushEvery && activity_ != Activity::kWindow) {
    flush(runtime, now);
    split_when_due(runtime, now);
  }
  const Nanoseconds cpu_now = os::thread_cpu_now();
  charge(cpu_now - cpu_);
  cpu_left_ = cpu_now;
  return next_turn();
}

/// A short run must show something, whatever a look costs: the first ones are paid for later. While
/// none of them counted, because the machine is so busy that they are too long, the next comes
/// soon; and the first that count may have seen no more than memory that is filled. So does the one
/// after windows that were forgotten, with a better length.
Nanoseconds Recorder::free_at() const {
  constexpr std::uint64_t kFirstWindows = 14;
  constexpr std::uint64_t kAtOnce = 6;
  const Nanoseconds apart = milliseconds(filled_windows_ < kAtOnce ? 300 : 1000);
  const Nanoseconds soon = window_began_ + (any_counted_ ? apart : milliseconds(100));
  const bool at_any_cost = filled_windows_ < kFirstWindows || look_again_;
  return at_any_cost && soon < budget_.free_at() ? soon : budget_.free_at();
}

Nanoseconds Recorder::next_turn() const {
  if (activity_ == Activity::kWindow) return window_end_;
  if (is_watching()) return next_poll_;
  Nanoseconds next = next_window_ < next_watch_ ? next_window_ : next_watch_;
  if (next < free_at()) next = free_at();
  const Nanoseconds flush_at = last_flush_ + kFlushEvery;
  return next < flush_at ? next : flush_at;
}

const char* Recorder::source_name() const {
  return source_.is_open() ? session::name_of(source_.kind()) : nullptr;
}

/// The part of it that lies behind emulated links is left to them, who count every pass.
void Recorder::tell_live_heat(const State& runtime, const extent::Object& object) {
  const sources::Traits& traits = source_.traits();
  const std::uint64_t stated = source_.per_observation().value;
  const auto per_count = static_cast<double>(stated != 0 ? stated : kBlockBytes.value);
  const std::uint8_t* const tiers = runtime.arena.tiers_of(object);
  const std::uint32_t* const touches = touches_ + object.first_block;
  // One count for all of an object is spread over it.
  const bool whole = traits.grain == sources::Grain::kObject;
  const double each = per_count * static_cast<double>(touches[0]) / object.block_count;
  Sighting sighting{0, counted_time()};
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    if (is_emulated(runtime, tiers[i])) continue;
    const double bytes = whole ? each : per_count * static_cast<double>(touches[i]);
    sighting.bytes += bytes;
    if (tiers[i] != extent::kNoTier) live_heat_.tier_seen(tiers[i], bytes);
  }
  live_heat_.source_saw(object.first_block, object.id, sighting);
}

/// What the source's windows saw of the object, and forgets it.
void Recorder::flush_source(const State& runtime, session::HeatRecord record,
                            const extent::Object& object) {
  std::uint32_t* const touches = touches_ + object.first_block;
  add_lost_passes(object);
  if (observed_.value != 0) {
    const sources::Traits& traits = source_.traits();
    record.source = static_cast<std::uint32_t>(traits.kind);
    record.observed_ns = counted_time().value;
    if (traits.grain == sources::Grain::kObject) record.block_count = 1;
    session_.heat(record, touches);
    tell_live_heat(runtime, object);
  }
  for (std::uint32_t i = 0; i < object.block_count; ++i) touches[i] = 0;
}

void Recorder::flush_object(State& runtime, extent::Object& object, Nanoseconds now) {
  if (!object.published) return;
  session::HeatRecord record{};
  record.object = object.id;
  record.begin_ns = last_flush_.value;
  record.end_ns = now.value;
  record.block_count = object.block_count;
  // The same table serves for the passes, so what the windows saw goes first.
  if (!source_.is_open() || is_within(runtime, object, source_.traits().reach)) {
    flush_source(runtime, record, object);
  }
  flush_writes(runtime, record, object);
  std::uint32_t* const touches = touches_ + object.first_block;
  bool on_link = false;
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    on_link = on_link || is_emulated(runtime, runtime.arena.tiers_of(object)[i]);
  }
  if (on_link && runtime.links.running()) {
    record.source = static_cast<std::uint32_t>(session::SourceKind::kLinkFaults);
    record.observed_ns = (now - last_flush_).value;
    runtime.links.take_passes(object.first_block, object.block_count, touches);
    session_.heat(record, touches);
    Sighting sighting{0, now - last_flush_};
    for (std::uint32_t i = 0; i < object.block_count; ++i) {
      sighting.bytes += static_cast<double>(touches[i]) * kBlockBytes.value;
      touches[i] = 0;
    }
    live_heat_.links_saw(object.first_block, object.id, sighting);
  }
}

/// Totals since the start.
void Recorder::write_cost(State& runtime, Nanoseconds now) {
  session::CostRecord cost{};
  cost.at_ns = now.value;
  cost.cpu_ns = cpu_.value;
  cost.windows = windows_;
  for (std::uint32_t i = 0; i < runtime.link_count; ++i) {
    const backing::LinkStatistics statistics = runtime.links.statistics(i);
    cost.link_wait_ns += statistics.wait_ns;
    cost.link_bytes += statistics.delivered_bytes;
  }
  const Nanoseconds ours = cpu_ + runtime.links.cpu_time();
  cost.program_cpu_ns = (os::process_cpu_now() - ours).value;
  session_.cost(cost);
  last_cost_ = cost;
}

void Recorder::flush(State& runtime, Nanoseconds now) {
  const Bytes before = session_.written();
  if (source_.is_open() && is_steered() && !comes_in_pairs() && counted_windows_ >= 4) {
    window_length_.saturated(chance_of_touch(runtime));
  }
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    const bool seen = object.pages == extent::Pages::kPlaced || sees_private(source_);
    if (seen && object.pages != extent::Pages::kNone) flush_object(runtime, object, now);
  }
  live_heat_.settle(counted_time());
  write_cost(runtime, now);
  write_looks();
  budget_.program_ran(Nanoseconds(last_cost_.program_cpu_ns), now);
  if (now - last_source_ >= kSourceEvery) write_source(now);
  give_up_silent_samples(runtime);
  last_flush_ = now;
  forget_windows();
  flushed_ = session_.written() - before;
}

/// Their counts are written, those of all objects.
void Recorder::forget_windows() {
  forget_touch_windows();
  writes_observed_ = Nanoseconds();
}

void Recorder::stop(State& runtime) {
  if (!recording()) return;
  drop_window(runtime);
  activity_ = Activity::kIdle;
  const Nanoseconds now = os::monotonic_now();
  flush(runtime, now);
  write_source(now);
  session_.close();
  source_.close();
}

void Recorder::abandon_in_child() {
  session_.abandon();
  source_.abandon_in_child();
  writes_.close();
  watched_bits_.close();
}

}  // namespace terrace::runtime
