// SPDX-License-Identifier: Apache-2.0
// What a running program tells `terrace status`. Runs on the status server's thread while the
// program allocates: the lock is taken for a slice of the objects at a time, so that nobody waits
// longer than for any other holder, and each figure is of the moment in which it was read.
#include "allocators/base/words.h"
#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "tiering/runtime/state.h"
#include "tiering/runtime/status_parts.h"

namespace terrace::runtime {
namespace {

using control::JsonText;
using ull = unsigned long long;

constexpr std::uint32_t kLargest = 16;
/// A record is looked at in about 20 ns when it is in the cache, 100 ns when not.
constexpr std::uint32_t kSlice = 512;
constexpr std::uint32_t kFramesTold = 8;

struct Ranked {
  std::uint32_t slot = 0;
  std::uint64_t id = 0;
  double by = 0;
};

/// The first kLargest of all objects, by bytes or by heat.
struct Ranking {
  std::uint32_t count = 0;
  Ranked first[kLargest];
};

struct Census {
  std::uint64_t live = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t ordinary_bytes = 0;  ///< not placed, or not yet
  std::uint64_t frozen_bytes = 0;
  Ranking largest;
  Ranking hottest;  ///< of those that a recording has seen to be read
};

/// Puts the object among the first if it is one of them.
void rank(Ranking& ranking, const Ranked& one) {
  std::uint32_t at = ranking.count;
  while (at > 0 && ranking.first[at - 1].by < one.by) --at;
  if (at == kLargest) return;
  if (ranking.count < kLargest) ++ranking.count;
  for (std::uint32_t i = ranking.count - 1; i > at; --i) ranking.first[i] = ranking.first[i - 1];
  ranking.first[at] = one;
}

double heat_of(const State& runtime, const extent::Object& object) {
  return runtime.recorder.live_heat().bytes_per_second(object.first_block, object.id);
}

void count_object(const State& runtime, Census& census, std::uint32_t slot) {
  const extent::Object& object = runtime.arena.slot(slot);
  if (object.pages == extent::Pages::kNone || object.pages == extent::Pages::kSpare) return;
  ++census.live;
  census.live_bytes += object.size_bytes;
  if (object.pages == extent::Pages::kOrdinary) census.ordinary_bytes += object.size_bytes;
  if (object.pages == extent::Pages::kFrozen) census.frozen_bytes += object.size_bytes;
  rank(census.largest, {slot, object.id, static_cast<double>(object.size_bytes)});
  const double heat = runtime.recorder.recording() ? heat_of(runtime, object) : 0;
  if (heat > 0) rank(census.hottest, {slot, object.id, heat});
}

Census take_census(State& runtime) {
  Census census;
  for (std::uint32_t begin = 0;; begin += kSlice) {
    const LockGuard guard(runtime.lock);
    const std::uint32_t slots = runtime.arena.object_slots();
    if (begin >= slots) return census;
    const std::uint32_t end = slots - begin < kSlice ? slots : begin + kSlice;
    for (std::uint32_t i = begin; i < end; ++i) count_object(runtime, census, i);
  }
}

const char* word_of(extent::Pages pages) {
  switch (pages) {
    case extent::Pages::kNone:
      return "none";
    case extent::Pages::kOrdinary:
      return "ordinary";
    case extent::Pages::kPlaced:
      return "placed";
    case extent::Pages::kSpare:
      return "spare";
    case extent::Pages::kFrozen:
      return "frozen";
  }
  return "unknown";
}

void put_shares(const State& runtime, const extent::Object& object, JsonText& json) {
  json.put(",\"tiers\":[");
  if (object.pages == extent::Pages::kPlaced) {
    const TierCounts counts = count_tiers(runtime, object);
    bool first = true;
    for (std::uint32_t i = 0; i < runtime.flat.header->tier_count; ++i) {
      if (counts.blocks[i] == 0) continue;
      json.put("%s{\"name\":", first ? "" : ",");
      json.put_quoted(runtime.flat.tiers[i].name);
      json.put(",\"blocks\":%u}", counts.blocks[i]);
      first = false;
    }
  }
  json.put("]");
}

/// Addresses only: whose code they are is looked up by who asks, since a module may be unloaded
/// here at any time.
void put_frames(const CallSite& site, JsonText& json) {
  json.put(",\"frames\":[");
  const std::uint32_t count = site.frame_count < kFramesTold ? site.frame_count : kFramesTold;
  for (std::uint32_t i = 0; i < count; ++i) {
    json.put("%s%llu", i == 0 ? "" : ",", static_cast<ull>(site.frames[i]));
  }
  json.put("]");
}

/// False when the object has ended since the census.
bool put_object(State& runtime, const Ranked& one, Nanoseconds now, JsonText& json) {
  const LockGuard guard(runtime.lock);
  const extent::Object& object = runtime.arena.slot(one.slot);
  if (object.id != one.id || object.pages == extent::Pages::kNone ||
      object.pages == extent::Pages::kSpare) {
    return false;
  }
  const std::uint64_t age_ms = object.born < now ? (now - object.born).value / 1000000 : 0;
  json.put(
      "{\"id\":%llu,\"bytes\":%llu,\"blocks\":%u,\"age_ms\":%llu,\"origin\":\"%s\","
      "\"pages\":\"%s\",\"planned\":%s,\"site\":\"%016llx\",\"ordinal\":%u",
      static_cast<ull>(object.id), static_cast<ull>(object.size_bytes), object.block_count,
      static_cast<ull>(age_ms), name_of(object.key.origin), word_of(object.pages),
      find_planned_alike(runtime, object.key) != nullptr ? "true" : "false",
      static_cast<ull>(object.key.site_hash), object.key.ordinal);
  if (object.key.origin == Origin::kFile) {
    json.put(",\"path\":");
    json.put_quoted(object.path);
  }
  if (runtime.recorder.recording()) {
    json.put_number("bytes_per_second", static_cast<std::uint64_t>(heat_of(runtime, object)));
  }
  put_shares(runtime, object, json);
  put_frames(object.site, json);
  json.put("}");
  return true;
}

void put_objects(State& runtime, const Ranking& ranking, Nanoseconds now, JsonText& json) {
  // What the messages need, each byte of which may become six.
  constexpr std::size_t kForMessages = os::kKeptMessages * (6 * 256 + 40) + kTail;
  bool first = true;
  for (std::uint32_t i = 0; i < ranking.count; ++i) {
    const std::size_t mark = json.size();
    if (!first) json.put(",");
    const bool put = put_object(runtime, ranking.first[i], now, json);
    if (!put || json.cut() || json.room() < kForMessages) {
      json.back_to(mark);
      continue;
    }
    first = false;
  }
}

void put_process(State& runtime, JsonText& json) {
  const FlatHeader& header = *runtime.flat.header;
  char program[512] = "";
  os::executable_path(program, sizeof program);
  json.put("{\"schema_version\":1,\"kind\":\"process\",\"program\":");
  json.put_quoted(program);
  json.put(",\"machine_id\":");
  json.put_quoted(header.machine_id);
  json.put(",\"stage\":\"%s\",\"recording\":%s,\"strict\":%s,\"plan_objects\":%u,",
           runtime.stage.load() == Stage::kRunning ? "running" : "degraded",
           runtime.recorder.recording() ? "true" : "false",
           runtime.flat.has(kFlagStrict) ? "true" : "false", header.object_count);
  if (runtime.recorder.recording() && runtime.recorder.source_name() != nullptr) {
    json.put("\"source\":\"%s\",", runtime.recorder.source_name());
  }
}

/// StatusServer::Write.
std::size_t write_live_status(void* context, char* out) {
  State& runtime = *static_cast<State*>(context);
  JsonText json(out, control::kMaxDocument);
  const Census census = take_census(runtime);
  const Nanoseconds now = os::monotonic_now();
  std::uint64_t spare_bytes = 0;
  bool recording = false;
  {
    const LockGuard guard(runtime.lock);
    spare_bytes = in_bytes(runtime.spares.blocks());
    recording = runtime.recorder.recording();
    put_process(runtime, json);
    put_counters(runtime, json);
    json.put_number("running_ms", (now - runtime.running_since).value / 1000000);
    json.put(",\"tiers\":[");
    put_tiers(runtime, json);
  }
  json.put("],\"live\":{\"objects\":%llu", static_cast<ull>(census.live));
  json.put_number("bytes", census.live_bytes);
  json.put_number("ordinary_bytes", census.ordinary_bytes);
  json.put_number("frozen_bytes", census.frozen_bytes);
  json.put_number("spare_bytes", spare_bytes);
  json.put("}");
  if (recording) {
    json.put(",\"hottest\":[");
    put_objects(runtime, census.hottest, now, json);
    json.put("]");
  }
  json.put(",\"largest\":[");
  put_objects(runtime, census.largest, now, json);
  json.put("],\"messages\":[");
  put_messages(json);
  json.put("]}\n");
  return json.size();
}

}  // namespace

void serve_status(State& runtime) {
  if (runtime.flat.has(kFlagNoStatus)) return;
  runtime.status.obey_by(&obey_command);
  const Status started = runtime.status.start(&write_live_status, &runtime);
  if (started) return;
  // The program is placed all the same: nothing for its stderr unless somebody wants it all.
  if (runtime.flat.has(kFlagVerbose)) {
    os::message("no answers to terrace status: %s", started.error().message);
  } else {
    os::quiet_message("no answers to terrace status: %s", started.error().message);
  }
}

}  // namespace terrace::runtime
