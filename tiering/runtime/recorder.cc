// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/recorder.h"

#include <cstdio>
#include <cstring>

#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "allocators/os/mapping.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr std::uint32_t kNoBlock = ~std::uint32_t{0};
constexpr Nanoseconds kFlushEvery = milliseconds(1000);
constexpr Nanoseconds kFirstWatch = milliseconds(1500);
constexpr Nanoseconds kWatchEvery = milliseconds(4000);

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

bool is_emulated(const State& runtime, std::uint8_t tier) {
  return tier != extent::kNoTier &&
         static_cast<BackingKind>(runtime.flat.tiers[tier].backing) == BackingKind::kEmulatedLink;
}

/// Runs of an object whose touches show in present bits: shared, and not behind a link, whose
/// engine closes its blocks by itself.
template <typename Body>
void for_each_visible_run(State& runtime, const extent::Object& object, Body body) {
  if (object.pages != extent::Pages::kPlaced || !object.shared) return;
  runtime.extents.for_each_run(object,
                               [&](std::uint32_t first, std::uint32_t count, std::uint8_t tier) {
                                 if (runtime.extents.is_shared(tier) && !is_emulated(runtime, tier))
                                   body(first, count);
                               });
}

/// Is the block one of these still? A fork, munmap or mprotect may have made it private memory, of
/// which dropping the page-table entries would drop the content.
bool is_visible(State& runtime, std::uint32_t block) {
  const extent::Object* object = runtime.arena.find(runtime.arena.address_of(block));
  bool visible = false;
  if (object == nullptr) return visible;
  for_each_visible_run(runtime, *object, [&](std::uint32_t first, std::uint32_t count) {
    visible = visible || (block >= first && block < first + count);
  });
  return visible;
}

template <typename Body>
void for_each_visible_run(State& runtime, Body body) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    for_each_visible_run(runtime, runtime.arena.slot(i), body);
  }
}

}  // namespace

Status Recorder::start(State& runtime) {
  if (const Status opened = present_.open(); !opened) {
    os::message("%s; recording referenced bits, by object", opened.error().message);
    present_works_ = false;
  }
  const std::uint64_t blocks = runtime.arena.block_count();
  const Bytes table = round_up_to_block(Bytes(blocks * 6));
  auto* memory = static_cast<char*>(os::reserve_address_space(table));
  if (memory == nullptr || os::map_private(memory, table, os::PageAdvice::kNone) != 0) {
    return make_error(ErrorCode::kIo, 0, "recording: no address space for %llu blocks",
                      static_cast<unsigned long long>(blocks));
  }
  touches_ = reinterpret_cast<std::uint32_t*>(memory);
  ever_ = reinterpret_cast<std::uint8_t*>(memory + blocks * 4);
  seen_ = ever_ + blocks;

  const FlatHeader& flat = *runtime.flat.header;
  session::FileHeader header{};
  std::memcpy(header.magic, session::kMagic, sizeof header.magic);
  header.schema_version = session::kSchemaVersion;
  header.header_bytes = sizeof header;
  header.start_realtime_ns = os::realtime_now().value;
  header.start_monotonic_ns = os::monotonic_now().value;
  header.pid = static_cast<std::uint32_t>(os::process_id());
  header.emulated = runtime.link_count != 0 ? 1 : 0;
  std::memcpy(header.machine_id, flat.machine_id, sizeof header.machine_id);
  os::executable_path(header.executable, sizeof header.executable);
  session::TierRecord tiers[kMaxTiers];
  for (std::uint32_t i = 0; i < flat.tier_count; ++i) tiers[i] = tier_record(runtime.flat.tiers[i]);
  char path[320];
  expand_path(flat.session_path, Existing::kKeep, path, sizeof path);
  if (const Status opened = session_.open(path, header, tiers, flat.tier_count); !opened) {
    return opened;
  }
  const Nanoseconds now = os::monotonic_now();
  period_ = Nanoseconds(1000000000u / (flat.window_hz != 0 ? flat.window_hz : 1));
  next_window_ = now + period_;
  next_watch_ = now + kFirstWatch;
  last_flush_ = now;
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
  flush_object(runtime, object, now);
  session_.object_ended(object.id, now);
  for (std::uint32_t i = 0; i < object.block_count; ++i) ever_[object.first_block + i] = 0;
  if (activity_ == Activity::kWatch &&
      step_watch_.block() - object.first_block < object.block_count) {
    activity_ = Activity::kIdle;
  }
}

Nanoseconds Recorder::turn(State& runtime, Nanoseconds now) {
  cpu_ = os::thread_cpu_now();
  if (activity_ == Activity::kWindow && now >= window_end_) end_window(runtime);
  if (activity_ == Activity::kReferenced && now >= window_end_) end_referenced(runtime, now);
  if (activity_ == Activity::kWatch && now >= next_poll_) watch(runtime, now);
  if (!present_works_) return turn_referenced(runtime, now);
  if (activity_ == Activity::kIdle && now >= next_watch_) begin_watch(runtime, now);
  if (activity_ == Activity::kIdle && now >= next_window_) begin_window(runtime, now);
  if (now - last_flush_ >= kFlushEvery && activity_ != Activity::kWindow) flush(runtime, now);
  switch (activity_) {
    case Activity::kWindow:
    case Activity::kReferenced:
      return window_end_;
    case Activity::kWatch:
      return next_poll_;
    case Activity::kIdle:
      break;
  }
  return next_window_ < next_watch_ ? next_window_ : next_watch_;
}

void Recorder::begin_window(State& runtime, Nanoseconds now) {
  for_each_visible_run(runtime, [&](std::uint32_t first, std::uint32_t count) {
    sources::PresentBits::begin(runtime.arena.address_of(first), count);
  });
  activity_ = Activity::kWindow;
  // The clock is read after the entries are gone: what was dropped late is not observed early.
  window_begin_ = os::monotonic_now();
  window_end_ = window_begin_ + window_length_.length();
  // Windows at a fixed beat could fall into step with the program.
  const std::uint64_t jitter = (now.value ^ (now.value >> 7)) % (period_.value / 4 + 1);
  next_window_ = now + Nanoseconds(period_.value * 7 / 8 + jitter);
}

/// Marks in seen_ what the window saw. False: the kernel did not tell.
bool Recorder::scan_window(State& runtime, std::uint32_t first, std::uint32_t count) {
  constexpr std::uint32_t kChunk = 512;
  for (std::uint32_t at = first; at < first + count; at += kChunk) {
    std::uint32_t seen[kChunk] = {};
    const std::uint32_t blocks = first + count - at < kChunk ? first + count - at : kChunk;
    if (present_.end(runtime.arena.address_of(at), blocks, seen) != 0) return false;
    for (std::uint32_t i = 0; i < blocks; ++i) {
      if (seen[i] != 0) ever_[at + i] = seen_[at + i] = 1;
    }
  }
  return true;
}

void Recorder::end_window(State& runtime) {
  activity_ = Activity::kIdle;
  const Nanoseconds length = os::monotonic_now() - window_begin_;
  std::uint64_t touched = 0;
  std::uint64_t ever = 0;
  bool told = true;
  for_each_visible_run(runtime, [&](std::uint32_t first, std::uint32_t count) {
    told = scan_window(runtime, first, count) && told;
    for (std::uint32_t i = first; i < first + count; ++i) {
      touched += seen_[i];
      ever += ever_[i];
    }
  });
  ++windows_;
  // A window longer than a step may have seen several passes as one: it does not count.
  const bool usable = told && window_length_.adapt(touched, ever);
  for_each_visible_run(runtime, [&](std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i < first + count; ++i) {
      if (usable) touches_[i] += seen_[i];
      seen_[i] = 0;
    }
  });
  if (usable) observed_ = observed_ + length;
}

/// The hottest visible block of the largest object that is touched at all: weights, as a rule. A
/// smaller object's hottest block may be activations, which every layer of a step touches again.
std::uint32_t Recorder::block_to_watch(State& runtime) const {
  std::uint32_t hottest = kNoBlock;
  std::uint32_t largest = 0;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (object.block_count <= largest) continue;
    std::uint32_t here = kNoBlock;
    for_each_visible_run(runtime, object, [&](std::uint32_t first, std::uint32_t count) {
      for (std::uint32_t block = first; block < first + count; ++block) {
        if (ever_[block] == 0) continue;
        if (here == kNoBlock || touches_[block] > touches_[here]) here = block;
      }
    });
    if (here == kNoBlock) continue;
    hottest = here;
    largest = object.block_count;
  }
  return hottest;
}

void Recorder::begin_watch(State& runtime, Nanoseconds now) {
  next_watch_ = now + kWatchEvery;
  const std::uint32_t hottest = block_to_watch(runtime);
  if (hottest == kNoBlock) return;
  activity_ = Activity::kWatch;
  step_watch_.begin(hottest, now);
  sources::PresentBits::begin(runtime.arena.address_of(hottest), 1);
  next_poll_ = now + sources::StepWatch::kPoll;
}

void Recorder::watch(State& runtime, Nanoseconds now) {
  void* const at = runtime.arena.address_of(step_watch_.block());
  std::uint32_t seen = 0;
  if (!is_visible(runtime, step_watch_.block()) || present_.end(at, 1, &seen) != 0) {
    activity_ = Activity::kIdle;
    return;
  }
  step_watch_.poll(seen != 0, now);
  if (seen != 0) sources::PresentBits::begin(at, 1);
  next_poll_ = now + sources::StepWatch::kPoll;
  if (!step_watch_.finished(now)) return;
  activity_ = Activity::kIdle;
  const Nanoseconds period = step_watch_.period();
  if (period.value == 0) return;
  session::StepRecord record{};
  record.at_ns = now.value;
  record.period_ns = period.value;
  record.observations = step_watch_.observations();
  session_.step(record);
}

void Recorder::flush_object(State& runtime, extent::Object& object, Nanoseconds now) {
  if (!object.published) return;
  session::HeatRecord record{};
  record.object = object.id;
  record.begin_ns = last_flush_.value;
  record.end_ns = now.value;
  record.block_count = object.block_count;
  std::uint32_t* const touches = touches_ + object.first_block;
  bool on_link = false;
  for (std::uint32_t i = 0; i < object.block_count; ++i) {
    on_link = on_link || is_emulated(runtime, runtime.arena.tiers_of(object)[i]);
  }
  if (observed_.value != 0) {
    record.source = static_cast<std::uint32_t>(session::SourceKind::kPresentBits);
    record.observed_ns = observed_.value;
    session_.heat(record, touches);
  }
  // The same table serves for the passes, so what the windows saw goes first.
  for (std::uint32_t i = 0; i < object.block_count; ++i) touches[i] = 0;
  if (on_link && runtime.links.running()) {
    record.source = static_cast<std::uint32_t>(session::SourceKind::kLinkFaults);
    record.observed_ns = (now - last_flush_).value;
    runtime.links.take_passes(object.first_block, object.block_count, touches);
    session_.heat(record, touches);
    for (std::uint32_t i = 0; i < object.block_count; ++i) touches[i] = 0;
  }
}

void Recorder::flush(State& runtime, Nanoseconds now) {
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    extent::Object& object = runtime.arena.slot(i);
    if (object.pages == extent::Pages::kPlaced) flush_object(runtime, object, now);
  }
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
  last_flush_ = now;
  observed_ = Nanoseconds();
}

void Recorder::stop(State& runtime) {
  if (!recording()) return;
  activity_ = Activity::kIdle;
  flush(runtime, os::monotonic_now());
  session_.close();
}

void Recorder::abandon_in_child() {
  session_.abandon();
  present_.close();
}

}  // namespace terrace::runtime
