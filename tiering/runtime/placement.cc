// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/placement.h"

#include <cerrno>
#include <cstring>

#include "allocators/base/block_bytes.h"
#include "allocators/os/clock.h"
#include "allocators/os/keep_errno.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

bool is_late(const State& runtime, const ObjectKey& key) {
  return key.size_bytes <= runtime.flat.header->late_bytes && key.origin != Origin::kFile &&
         find_planned_alike(runtime, key) == nullptr;
}

/// Maps a carved object now, or as ordinary memory that is placed when it has lived a while.
bool map_object(State& runtime, extent::Object& object) {
  if (is_late(runtime, object.key)) return runtime.extents.map_ordinary(object) == 0;
  if (!assign_tiers(runtime, object)) return false;
  if (runtime.extents.map_placed(object) == 0) return true;
  runtime.counters.unplaced.fetch_add(1, std::memory_order_relaxed);
  give_back_tiers(runtime, object);
  return false;
}

/// Kept pages under a new name; nullptr: none are kept, or they are too few and cannot grow.
extent::Object* reuse_pages(State& runtime, const ObjectKey& key, std::uint32_t blocks,
                            std::uint32_t align_blocks) {
  extent::Object* const spare = runtime.spares.take(runtime.extents, blocks, align_blocks);
  if (spare == nullptr || spare->block_count == blocks) return spare;
  extent::Object* larger = nullptr;
  if (align_blocks == 1) larger = enlarge(runtime, *spare, key.size_bytes, blocks);
  if (larger == nullptr) drop_object(runtime, *spare);
  return larger;
}

/// Kept pages when their content does not matter, else freshly mapped ones.
extent::Object* make_object(State& runtime, const ObjectKey& key, std::uint32_t align_blocks,
                            const CallSite& site, Content content) {
  const std::uint32_t blocks = block_count_for(Bytes(key.size_bytes));
  extent::Object* object = nullptr;
  if (content == Content::kAny && is_late(runtime, key)) {
    object = reuse_pages(runtime, key, blocks, align_blocks);
  }
  const bool reused = object != nullptr;
  if (!reused) object = runtime.arena.carve(blocks, align_blocks);
  if (object == nullptr) return nullptr;
  name_object(runtime, *object, key, site);
  if (!reused && !map_object(runtime, *object)) {
    runtime.arena.release(*object);
    return nullptr;
  }
  runtime.spares.add_live(runtime.extents, blocks);
  return object;
}

/// A freed object's pages for the next one, or to the kernel.
void retire_object(State& runtime, extent::Object& object) {
  if (is_plain(object)) {
    runtime.spares.remove_live(object.block_count);
    const Nanoseconds now = os::monotonic_now();
    if (runtime.spares.keep(runtime.extents, object, now)) {
      wake_background(runtime, now + extent::SpareExtents::kKept);
      return;
    }
    runtime.spares.add_live(runtime.extents, object.block_count);  // end_object takes it off again
  }
  end_object(runtime, object);
}

}  // namespace

std::uint32_t free_ordinal(const State& runtime, const ObjectKey& key) {
  std::uint64_t taken = 0;
  for (std::uint32_t i = 0; i < runtime.arena.object_slots(); ++i) {
    const extent::Object& object = runtime.arena.slot(i);
    if (object.pages == extent::Pages::kNone || object.key.site_hash != key.site_hash ||
        object.key.size_bytes != key.size_bytes || object.key.ordinal >= 64) {
      continue;
    }
    taken |= std::uint64_t{1} << object.key.ordinal;
  }
  return taken == ~std::uint64_t{0} ? 64 : static_cast<std::uint32_t>(__builtin_ctzll(~taken));
}

void name_object(State& runtime, extent::Object& object, const ObjectKey& key,
                 const CallSite& site) {
  object.size_bytes = key.size_bytes;
  object.key = key;
  object.site = site;
  object.id = runtime.next_object_id++;
  object.born = os::monotonic_now();
}

bool is_plain(const extent::Object& object) {
  return object.pages == extent::Pages::kOrdinary && !object.reshaped && object.hole_count == 0;
}

bool placing() {
  return state().stage.load(std::memory_order_relaxed) != Stage::kInert;
}
std::uint64_t heap_threshold_bytes() {
  return state().heap_threshold.load(std::memory_order_relaxed);
}
std::uint64_t anonymous_threshold_bytes() {
  return state().anonymous_threshold.load(std::memory_order_relaxed);
}
std::uint64_t file_threshold_bytes() {
  return state().file_threshold.load(std::memory_order_relaxed);
}

void* allocate_object(std::size_t size, std::size_t alignment, Origin origin, const CallSite& site,
                      Content content) {
  const os::KeepErrno keep;
  State& runtime = state();
  const LockGuard guard(runtime.lock);
  if (size == 0 || size > kMaxObjectBytes.value || !ensure_running(runtime)) return nullptr;
  const std::uint64_t align_blocks = blocks_for(Bytes(alignment));
  if (align_blocks > (1u << 20)) return nullptr;
  ObjectKey key{site.hash, size, 0, origin};
  key.ordinal = free_ordinal(runtime, key);  // before the record has the key itself
  extent::Object* object =
      make_object(runtime, key, align_blocks == 0 ? 1 : static_cast<std::uint32_t>(align_blocks),
                  site, content);
  if (object == nullptr) return nullptr;
  runtime.arena.publish(*object);
  runtime.counters.objects.fetch_add(1, std::memory_order_relaxed);
  serve_status(runtime);
  if (object->pages == extent::Pages::kPlaced && origin != Origin::kFile) {
    runtime.recorder.object_placed(runtime, *object);
  }
  if (object->pages == extent::Pages::kOrdinary) {
    wake_background(runtime, object->born + milliseconds(runtime.flat.header->late_age_ms));
  }
  return runtime.arena.address_of(object->first_block);
}

void place_late(State& runtime, extent::Object& object) {
  if (!assign_tiers(runtime, object)) return;
  int error = runtime.extents.pools().reserve(object);
  const TierCounts taken = count_tiers(runtime, object);
  if (const int failed = runtime.exchange.place(runtime.extents, object); failed != 0) {
    error = failed;
  }
  if (error != 0) {
    // What was exchanged stays so; blocks that were not are ordinary memory and on no tier.
    settle_capacity(runtime, object, taken);
    runtime.counters.unplaced.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  runtime.counters.placed_late.fetch_add(1, std::memory_order_relaxed);
  runtime.recorder.object_placed(runtime, object);
}

void end_object(State& runtime, extent::Object& object) {
  read_places(runtime, object);
  forget_content(object);
  runtime.spares.remove_live(object.block_count);
  runtime.recorder.object_ended(runtime, object);
  object.surrendered ? unmap_rest(runtime, object) : runtime.extents.unmap(object);
  give_back_tiers(runtime, object);
  if (object.holes_lost && object.surrendered) {
    runtime.arena.withdraw(object);  // nobody knows what is whose there: never carved again
    return;
  }
  runtime.arena.release(object);
}

bool may_be_object(const void* address) {
  return (reinterpret_cast<std::uintptr_t>(address) & (kBlockBytes.value - 1)) == 0 &&
         state().arena.contains(address);
}

bool owns(const void* address) {
  return state().arena.find(address) != nullptr;
}

bool free_object(void* address) {
  const os::KeepErrno keep;
  State& runtime = state();
  const LockGuard guard(runtime.lock);
  extent::Object* object = runtime.arena.find(address);
  if (object == nullptr || runtime.arena.address_of(object->first_block) != address) return false;
  retire_object(runtime, *object);
  return true;
}

std::size_t object_size(const void* address) {
  const extent::Object* object = state().arena.find(address);
  return object != nullptr ? object->size_bytes : 0;
}

}  // namespace terrace::runtime
