// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/status_parts.h"

#include "allocators/base/words.h"
#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "allocators/os/files.h"
#include "allocators/os/memory_error.h"

namespace terrace::runtime {
namespace {

using control::JsonText;
using ull = unsigned long long;

/// What the pool holds is more than what is in use when children of a fork still see blocks.
void put_pool(State& runtime, std::uint32_t tier, JsonText& json) {
  json.put(",\"path\":");
  json.put_quoted(runtime.flat.tiers[tier].path);
  json.put(",\"opened\":%s,\"pool_bytes\":%llu,\"held_bytes\":%llu",
           runtime.pools[tier].is_open() ? "true" : "false",
           static_cast<ull>(in_bytes(runtime.pools[tier].block_count())),
           static_cast<ull>(in_bytes(runtime.extents.pools().held(tier))));
}

}  // namespace

void put_counters(State& runtime, JsonText& json) {
  const Counters& counters = runtime.counters;
  const extent::ExtentCounters& extents = runtime.extents.counters();
  const os::MemoryErrorCounters& errors = os::memory_error_counters();
  json.put("\"pid\":%d,\"emulated\":%s", os::process_id(),
           runtime.link_count != 0 ? "true" : "false");
  json.put_number("objects", counters.objects.load());
  json.put_number("planned", counters.planned.load());
  json.put_number("planned_alike", counters.planned_alike.load());
  json.put_number("placed_late", counters.placed_late.load());
  json.put_number("unplaced", counters.unplaced.load());
  json.put_number("frozen_by_fork", counters.frozen_by_fork.load());
  json.put_number("made_private_blocks", counters.made_private.load());
  json.put_number("spilled_blocks", runtime.capacity.spilled_blocks());
  json.put_number("bind_refused", extents.bind_refused.load());
  json.put_number("small_page_objects", extents.small_page_objects.load());
  json.put_number("kernel_striped_blocks", extents.kernel_striped_blocks.load());
  json.put_number("stripes_refused", extents.stripes_refused.load());
  json.put_number("coarsened_objects", extents.coarsened_objects.load());
  json.put_number("mappings", runtime.extents.mappings().used());
  json.put_number("fault_cost_ns", runtime.links.fault_cost().value);
  json.put_number("files_copied", counters.files_copied.load());
  json.put_number("files_left", counters.files_left.load());
  json.put_number("file_bytes_returned", in_bytes(counters.file_blocks_returned.load()));
  json.put_number("file_bytes_cached", counters.file_bytes_cached.load());
  json.put_number("file_bytes_direct", counters.file_bytes_direct.load());
  json.put_number("file_bytes_buffered", counters.file_bytes_buffered.load());
  json.put_number("memory_errors", errors.errors.load());
  json.put_number("memory_errors_not_mended", errors.not_mended.load());
  json.put_number("reread_bytes", errors.reread_bytes.load());
}

void put_tiers(State& runtime, JsonText& json) {
  std::uint32_t link = 0;
  for (std::uint32_t i = 0; i < runtime.flat.header->tier_count; ++i) {
    const FlatTier& tier = runtime.flat.tiers[i];
    const auto backing = static_cast<BackingKind>(tier.backing);
    const bool emulated = backing == BackingKind::kEmulatedLink;
    json.put(
        "%s{\"name\":\"%.31s\",\"backing\":\"%s\",\"emulated\":%s,\"capacity_bytes\":%llu,"
        "\"peak_bytes\":%llu,\"used_bytes\":%llu,\"elsewhere_bytes\":%llu",
        i == 0 ? "" : ",", tier.name, word_of(backing, kBackingWords), emulated ? "true" : "false",
        static_cast<ull>(tier.capacity_bytes),
        static_cast<ull>(in_bytes(runtime.counters.peak_blocks[i].load())),
        static_cast<ull>(in_bytes(runtime.capacity.used_blocks(i))),
        static_cast<ull>(in_bytes(runtime.counters.elsewhere_blocks[i].load())));
    if (backing == BackingKind::kDax) put_pool(runtime, i, json);
    if (!emulated && runtime.recorder.recording() && runtime.recorder.live_heat().has_tiers()) {
      const double rate = runtime.recorder.live_heat().tier_bytes_per_second(i);
      json.put_number("recorded_bytes_per_second", static_cast<std::uint64_t>(rate));
    }
    if (emulated) {
      const backing::LinkStatistics statistics = runtime.links.statistics(link++);
      json.put(
          ",\"delivered_bytes\":%llu,\"demand_waits\":%llu,\"wait_ns\":%llu,"
          "\"ahead_blocks\":%llu",
          static_cast<ull>(statistics.delivered_bytes), static_cast<ull>(statistics.demand_waits),
          static_cast<ull>(statistics.wait_ns), static_cast<ull>(statistics.ahead_blocks));
    }
    json.put("}");
  }
}

void put_messages(JsonText& json) {
  const Nanoseconds now = os::monotonic_now();
  const std::uint64_t count = os::message_count();
  bool first = true;
  for (std::uint64_t number = count > os::kKeptMessages ? count - os::kKeptMessages : 0;
       number < count; ++number) {
    os::KeptMessage kept;
    if (!os::kept_message(number, kept)) continue;
    const std::size_t mark = json.size();
    const std::uint64_t age_ms = kept.at < now ? (now - kept.at).value / 1000000 : 0;
    json.put("%s{\"age_ms\":%llu,\"text\":", first ? "" : ",", static_cast<ull>(age_ms));
    json.put_quoted(kept.text);
    json.put("}");
    if (json.room() < kTail) {
      json.back_to(mark);
      return;
    }
    first = false;
  }
}

}  // namespace terrace::runtime
