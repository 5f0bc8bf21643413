// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/lifecycle.h"

#include <cerrno>
#include <cstdlib>

#include "allocators/os/clock.h"
#include "allocators/os/console.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// Malloc is called after the last destructor: the state has none that anybody runs.
union Immortal {
  constexpr Immortal() : state() {}
  ~Immortal() {}
  State state;
};
constinit Immortal the_only;

/// Links for the emulated tiers, in the order of tiers. kRecord makes every pass visible.
Status start_links(State& runtime) {
  backing::LinkConfig links[backing::kMaxLinks];
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < runtime.flat.header->tier_count; ++i) {
    const FlatTier& tier = runtime.flat.tiers[i];
    if (static_cast<BackingKind>(tier.backing) != BackingKind::kEmulatedLink) continue;
    if (count == backing::kMaxLinks) {
      return make_error(ErrorCode::kUsage, 0, "tier %.31s: at most %u emulated tiers", tier.name,
                        backing::kMaxLinks);
    }
    links[count++] = {GBps(tier.bandwidth_gbps), Nanoseconds(tier.latency_ns)};
  }
  runtime.link_count = count;
  if (count == 0) return ok_status();
  const auto exactness =
      runtime.flat.has(kFlagRecord) ? backing::Exactness::kRecord : backing::Exactness::kPace;
  return runtime.links.start(runtime.arena.base(), runtime.arena.block_count(), links, count,
                             exactness);
}

bool is_dax(const FlatTier& tier) {
  return static_cast<BackingKind>(tier.backing) == BackingKind::kDax;
}

/// A pool that cannot be opened leaves its tier without room, which is an error to `strict` alone.
Status open_pools(State& runtime) {
  for (std::uint32_t i = 0; i < runtime.flat.header->tier_count; ++i) {
    const FlatTier& tier = runtime.flat.tiers[i];
    if (!is_dax(tier)) continue;
    const Status opened =
        runtime.pools[i].open(tier.path, Bytes(tier.capacity_bytes), Bytes(tier.mapping_unit));
    if (opened) continue;
    if (runtime.flat.has(kFlagStrict)) return opened;
    os::message("tier %.31s: %s; it holds nothing of this program", tier.name,
                opened.error().message);
  }
  return ok_status();
}

/// What the tier may hold here: a DAX tier no more than its pool.
Bytes room_of(const State& runtime, std::uint32_t tier) {
  const Bytes capacity(runtime.flat.tiers[tier].capacity_bytes);
  if (!is_dax(runtime.flat.tiers[tier])) return capacity;
  const backing::BlockPool& pool = runtime.pools[tier];
  if (!pool.is_open()) return Bytes();
  const Bytes there(backing::BlockPool::offset_of(pool.block_count()));
  return there < capacity ? there : capacity;
}

void configure_tiers(State& runtime, extent::Observation observation) {
  const FlatHeader& header = *runtime.flat.header;
  runtime.extents.configure(runtime.arena, runtime.links,
                            static_cast<extent::BindMode>(header.bind_mode), observation);
  runtime.extents.pools().configure(runtime.arena, runtime.capacity);
  std::uint32_t link = 0;
  for (std::uint32_t i = 0; i < header.tier_count; ++i) {
    const FlatTier& tier = runtime.flat.tiers[i];
    extent::TierPages pages;
    pages.backing = static_cast<BackingKind>(tier.backing);
    if (pages.backing == BackingKind::kEmulatedLink) pages.link = link++;
    for (std::uint32_t word = 0; word < os::kNodeMaskWords; ++word) {
      pages.nodes.words[word] = tier.node_mask[word];
    }
    runtime.extents.add_tier(pages);
    runtime.capacity.add_tier(room_of(runtime, i));
    if (runtime.pools[i].is_open()) runtime.extents.pools().add_pool(i, runtime.pools[i]);
  }
}

/// What recording wants objects to be made of.
Result<extent::Observation> observation_of(State& runtime) {
  if (!runtime.flat.has(kFlagRecord)) return extent::Observation::kNone;
  return runtime.recorder.choose_source(runtime);
}

/// Do tiers take pages that are exchanged by copying?
bool has_shared_tiers(const State& runtime) {
  for (std::uint32_t i = 0; i < runtime.flat.header->tier_count; ++i) {
    if (runtime.pools[i].is_open()) return true;
  }
  return runtime.link_count != 0 || runtime.flat.has(kFlagRecord);
}

/// The one way in which a start can fail; strict ends the program before it does anything.
bool give_up(State& runtime, const Error& error) {
  os::message("%s; the program runs unplaced", error.message);
  stop_placing(runtime);
  runtime.stage.store(Stage::kDegraded);
  if (runtime.flat.has(kFlagStrict)) _Exit(125);
  return false;
}

}  // namespace

State& state() {
  return the_only.state;
}

void stop_placing(State& runtime) {
  constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  runtime.heap_threshold.store(kNothing, std::memory_order_relaxed);
  runtime.anonymous_threshold.store(kNothing, std::memory_order_relaxed);
  runtime.file_threshold.store(kNothing, std::memory_order_relaxed);
}

bool ensure_running(State& runtime) {
  const Stage stage = runtime.stage.load(std::memory_order_relaxed);
  if (stage == Stage::kRunning) return true;
  if (stage != Stage::kReady) return false;
  if (const Status opened = runtime.arena.open(); !opened) return give_up(runtime, opened.error());
  if (const Status started = start_links(runtime); !started) {
    return give_up(runtime, started.error());
  }
  if (const Status opened = open_pools(runtime); !opened) {
    return give_up(runtime, opened.error());
  }
  const auto observation = observation_of(runtime);
  if (!observation) return give_up(runtime, observation.error());
  configure_tiers(runtime, *observation);
  // Without it late placement on shared tiers is not possible, all the rest is.
  if (auto remap = extent::CopyRemap::open(); remap) {
    runtime.exchange = extent::Exchange(*remap);
  } else if (has_shared_tiers(runtime)) {
    os::message("%s; objects under %llu MiB stay where they are allocated", remap.error().message,
                static_cast<unsigned long long>(runtime.flat.header->late_bytes >> 20));
  }
  runtime.running_since = os::monotonic_now();
  runtime.stage.store(Stage::kRunning, std::memory_order_release);
  if (runtime.flat.has(kFlagRecord)) {
    if (const Status started = runtime.recorder.start(runtime); !started) {
      os::message("%s; the program runs unrecorded", started.error().message);
    }
  }
  if (const std::uint32_t ms = runtime.flat.header->record_ms; ms != 0) {
    runtime.record_until = os::monotonic_now() + milliseconds(ms);
  }
  if (runtime.flat.has(kFlagRecord)) wake_background(runtime, Nanoseconds(0));
  return true;
}

namespace {

/// Reads the configuration. False: it asks for nothing, or says nothing that could be followed.
bool wants_placement(State& runtime) {
  const Status loaded = load_configuration(runtime);
  if (!loaded) {
    os::message("%s; the program runs unplaced", loaded.error().message);
    if (const char* strict = std::getenv("TERRACE_STRICT"); strict != nullptr && *strict == '1') {
      _Exit(125);
    }
    return false;
  }
  if (!runtime.flat.valid()) return false;
  const FlatHeader& header = *runtime.flat.header;
  return static_cast<DefaultPolicy>(header.default_policy) != DefaultPolicy::kPassThrough ||
         header.object_count != 0 || runtime.flat.has(kFlagRecord);
}

}  // namespace

void start() {
  State& runtime = state();
  if (!wants_placement(runtime)) return;
  const FlatHeader& header = *runtime.flat.header;
  if (runtime.flat.has(kFlagRecord)) runtime.recorder.before_threads(runtime);
  runtime.stage.store(Stage::kReady);
  if (runtime.flat.has(kFlagStrict)) {
    const LockGuard guard(runtime.lock);
    ensure_running(runtime);
  }
  if (runtime.stage.load() == Stage::kDegraded) return;
  if (static_cast<Materialize>(header.materialize) != Materialize::kNever) {
    runtime.file_threshold.store(header.file_threshold_bytes, std::memory_order_relaxed);
  }
  runtime.anonymous_threshold.store(header.mmap_threshold_bytes, std::memory_order_relaxed);
  runtime.heap_threshold.store(header.threshold_bytes, std::memory_order_relaxed);
}

void decline(const char* tool) {
  State& runtime = state();
  if (!wants_placement(runtime)) return;
  os::message("the program runs under %s, which keeps the heap to itself; it runs unplaced", tool);
  if (runtime.flat.has(kFlagStrict)) _Exit(125);
}

void stop() {
  State& runtime = state();
  if (runtime.stage.load() != Stage::kRunning) return;
  const LockGuard guard(runtime.lock);
  read_all_places(runtime);
  runtime.recorder.stop(runtime);
  write_status(runtime);
}

}  // namespace terrace::runtime
