// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/placement.h"

#include <cerrno>
#include <cstring>

#include "allocators/os/clock.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

class KeepErrno {
 public:
  ~KeepErrno() { errno = saved_; }

 private:
  int saved_ = errno;
};

/// The lowest number that no live object of this site and size has, so that memory which is freed
/// and allocated anew is the same object to the plan.
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

bool is_late(const State& runtime, const extent::Object& object) {
  return object.size_bytes < runtime.flat.header->late_bytes &&
         object.key.origin != Origin::kFile && find_planned(runtime, object.key) == nullptr;
}

/// Maps a carved object now, or as ordinary memory that is placed when it has lived a while.
bool map_object(State& runtime, extent::Object& object) {
  if (is_late(runtime, object)) return runtime.extents.map_ordinary(object) == 0;
  if (!assign_tiers(runtime, object)) return false;
  if (runtime.extents.map_placed(object) == 0) return true;
  runtime.counters.unplaced.fetch_add(1, std::memory_order_relaxed);
  give_back_tiers(runtime, object);
  return false;
}

}  // namespace

bool placing() {
  return state().phase.load(std::memory_order_relaxed) != Phase::kInert;
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

void* allocate_object(std::size_t size, std::size_t alignment, Origin origin,
                      const CallSite& site) {
  const KeepErrno keep;
  State& runtime = state();
  const LockGuard guard(runtime.lock);
  if (size == 0 || size > (std::uint64_t{1} << 46) || !ensure_running(runtime)) return nullptr;
  const std::uint64_t align_blocks = blocks_for(Bytes(alignment));
  if (align_blocks > (1u << 20)) return nullptr;
  extent::Object* object =
      runtime.arena.carve(static_cast<std::uint32_t>(blocks_for(Bytes(size))),
                          align_blocks == 0 ? 1 : static_cast<std::uint32_t>(align_blocks));
  if (object == nullptr) return nullptr;
  object->size_bytes = size;
  ObjectKey key{site.hash, size, 0, origin};
  key.ordinal = free_ordinal(runtime, key);  // before the record has the key itself
  object->key = key;
  object->site = site;
  object->id = runtime.next_object_id++;
  object->born = os::monotonic_now();
  if (!map_object(runtime, *object)) {
    runtime.arena.release(*object);
    return nullptr;
  }
  runtime.arena.publish(*object);
  runtime.counters.objects.fetch_add(1, std::memory_order_relaxed);
  if (object->pages == extent::Pages::kPlaced && origin != Origin::kFile) {
    runtime.recorder.object_placed(runtime, *object);
  }
  runtime.keeper_bell.ring();
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
  forget_source(object);
  runtime.recorder.object_ended(runtime, object);
  runtime.extents.unmap(object);
  give_back_tiers(runtime, object);
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
  const KeepErrno keep;
  State& runtime = state();
  const LockGuard guard(runtime.lock);
  extent::Object* object = runtime.arena.find(address);
  if (object == nullptr || runtime.arena.address_of(object->first_block) != address) return false;
  end_object(runtime, *object);
  return true;
}

std::size_t object_size(const void* address) {
  const extent::Object* object = state().arena.find(address);
  return object != nullptr ? object->size_bytes : 0;
}

void* resize_object(void* address, std::size_t size, const CallSite& site) {
  State& runtime = state();
  extent::Object* object = runtime.arena.find(address);
  if (object == nullptr || size == 0) return nullptr;
  if (blocks_for(Bytes(size)) == object->block_count) {
    const LockGuard guard(runtime.lock);
    object->size_bytes = size;
    return address;
  }
  void* bigger = allocate_object(size, 1, object->key.origin, site);
  if (bigger == nullptr) return nullptr;
  std::memcpy(bigger, address, size < object->size_bytes ? size : object->size_bytes);
  free_object(address);
  return bigger;
}

}  // namespace terrace::runtime
