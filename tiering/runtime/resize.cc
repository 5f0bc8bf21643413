// SPDX-License-Identifier: Apache-2.0
// realloc of an object: in place where its blocks or those behind it suffice, with its pages to
// another address where they are private, else copied to a new object.
#include <cstring>

#include "allocators/base/block_bytes.h"
#include "allocators/os/clock.h"
#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

/// A placed object whose pages are private becomes ordinary memory again, since its size changes;
/// it is placed anew when that has lasted.
void unplace(State& runtime, extent::Object& object) {
  const bool in_one_piece = !object.reshaped && object.hole_count == 0 && !object.read_only;
  if (object.pages != extent::Pages::kPlaced || object.shared || !in_one_piece) return;
  runtime.recorder.object_ended(runtime, object);
  give_back_tiers(runtime, object);
  object.pages = extent::Pages::kOrdinary;
  object.order = {};
  object.born = os::monotonic_now();
}

void shrink_in_place(State& runtime, extent::Object& object, std::uint32_t blocks) {
  runtime.extents.unmap_blocks(object, object.first_block + blocks, object.block_count - blocks);
  runtime.arena.shrink(object, blocks);
}

/// Kept blocks behind the object first, then free ones.
bool grow_in_place(State& runtime, extent::Object& object, std::size_t size, std::uint32_t blocks) {
  const std::uint32_t before = object.block_count;
  const std::uint64_t old_size = object.size_bytes;
  runtime.spares.take_behind(runtime.extents, object, blocks);
  const std::uint32_t had = object.block_count;
  object.size_bytes = size;
  if (had == blocks) return true;
  if (runtime.arena.extend(object, blocks)) {
    if (runtime.extents.map_ordinary_tail(object, had) == 0) return true;
    runtime.arena.shrink(object, had);
  }
  object.size_bytes = old_size;
  if (had > before) shrink_in_place(runtime, object, before);
  return false;
}

/// A new address for a grown object, with its pages; the old one is empty then.
extent::Object* move_to_larger(State& runtime, const extent::Object& object, std::size_t size,
                               std::uint32_t blocks) {
  extent::Object* const larger = runtime.arena.carve(blocks, 1);
  if (larger == nullptr) return nullptr;
  larger->size_bytes = size;
  if (runtime.extents.map_ordinary(*larger) != 0) {
    runtime.arena.release(*larger);
    return nullptr;
  }
  larger->born = object.born;
  runtime.extents.move_ordinary(object, *larger);
  return larger;
}

/// The plain object at `size`, at its old or a new address; nullptr: neither.
extent::Object* resize_plain(State& runtime, extent::Object& object, std::size_t size,
                             const CallSite& site) {
  ObjectKey key{site.hash, size, 0, object.key.origin};
  key.ordinal = free_ordinal(runtime, key);
  if (find_planned(runtime, key) != nullptr) return nullptr;  // it has a place to go to
  const std::uint32_t blocks = block_count_for(Bytes(size));
  const std::uint32_t before = object.block_count;
  extent::Object* resized = &object;
  if (blocks > before) {
    resized = enlarge(runtime, object, size, blocks);
    if (resized == nullptr) return nullptr;
    runtime.arena.publish(*resized);
  } else if (blocks < before) {
    shrink_in_place(runtime, object, blocks);
  }
  runtime.spares.remove_live(before);
  runtime.spares.add_live(runtime.extents, blocks);
  const Nanoseconds born = resized->born;
  name_object(runtime, *resized, key, site);
  resized->born = born;
  return resized;
}

}  // namespace

void drop_object(State& runtime, extent::Object& object) {
  runtime.extents.unmap(object);
  runtime.extents.return_mappings(object);
  runtime.arena.release(object);
}

extent::Object* enlarge(State& runtime, extent::Object& object, std::size_t size,
                        std::uint32_t blocks) {
  if (grow_in_place(runtime, object, size, blocks)) return &object;
  extent::Object* const larger = move_to_larger(runtime, object, size, blocks);
  if (larger != nullptr) drop_object(runtime, object);
  return larger;
}

void* resize_object(void* address, std::size_t size, const CallSite& site) {
  State& runtime = state();
  extent::Object* object = runtime.arena.find(address);
  if (object == nullptr || size == 0 || size > kMaxObjectBytes.value) return nullptr;
  {
    const LockGuard guard(runtime.lock);
    if (runtime.arena.address_of(object->first_block) != address) return nullptr;
    if (blocks_for(Bytes(size)) == object->block_count) {
      object->size_bytes = size;
      return address;
    }
    unplace(runtime, *object);
    if (is_plain(*object)) {
      if (const extent::Object* resized = resize_plain(runtime, *object, size, site)) {
        return runtime.arena.address_of(resized->first_block);
      }
    }
  }
  void* bigger = allocate_object(size, 1, object->key.origin, site, Content::kAny);
  if (bigger == nullptr) return nullptr;
  std::memcpy(bigger, address, size < object->size_bytes ? size : object->size_bytes);
  free_object(address);
  return bigger;
}

}  // namespace terrace::runtime
