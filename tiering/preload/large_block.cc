// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/large_block.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "profiler/sites/call_site.h"
#include "tiering/preload/reentry_guard.h"
#include "tiering/runtime/placement.h"

namespace terrace::preload {

constinit thread_local bool inside_placement = false;

namespace {

/// Around fork this thread holds the runtime's lock (attach.cc), and another library's fork handler
/// may free a large block just then: it is left where it is, which wastes it but cannot hang.
void give_back(void* object) {
  if (!inside_placement) runtime::free_object(object);
}

/// Size of the object that starts at `block`, 0 when none does.
std::size_t object_size(const void* block) {
  return runtime::may_be_object(block) ? runtime::object_size(block) : 0;
}

void* resize_in_place_of(void* block, std::size_t size) {
  if (inside_placement || !is_large(size) || size > PTRDIFF_MAX) return nullptr;
  ReentryGuard guard;
  const CallSite site = sites::capture();
  return runtime::resize_object(block, size, site);
}

void* reallocate_object(void* block, std::size_t old_size, std::size_t size) {
  if (size == 0) {
    give_back(block);
    return nullptr;
  }
  if (void* resized = resize_in_place_of(block, size)) return resized;
  void* ordinary = call(next.allocate, size);
  if (ordinary == nullptr) return nullptr;
  std::memcpy(ordinary, block, std::min(old_size, size));
  give_back(block);
  return ordinary;
}

/// An ordinary block that grew past the threshold. nullptr: leave it where it is.
void* move_into_object(void* block, std::size_t size) {
  if (!next.usable_size_known.load(std::memory_order_relaxed)) return nullptr;
  const std::size_t old_size = call(next.usable_size, block);
  void* object = try_object(size, kHeapAlignment);
  if (object == nullptr) return nullptr;
  std::memcpy(object, block, std::min(old_size, size));
  call(next.release, block);
  return object;
}

}  // namespace

void* try_object(std::size_t size, std::size_t alignment, runtime::Content content) {
  if (inside_placement || size > PTRDIFF_MAX || !std::has_single_bit(alignment)) return nullptr;
  if (size < runtime::heap_threshold_bytes()) {
    // The runtime gave placing up since the thresholds were taken over.
    refresh_thresholds();
    return nullptr;
  }
  ReentryGuard guard;
  const CallSite site = sites::capture();
  return runtime::allocate_object(size, alignment, Origin::kHeap, site, content);
}

bool release_object(void* block) {
  if (block == nullptr || !runtime::may_be_object(block)) return false;
  return inside_placement ? runtime::owns(block) : runtime::free_object(block);
}

void* allocate_large(std::size_t size) {
  void* object = try_object(size, kHeapAlignment);
  return object != nullptr ? object : call(next.allocate, size);
}

void* allocate_zeroed_large(std::size_t count, std::size_t size, std::size_t bytes) {
  void* object = try_object(bytes, kHeapAlignment, runtime::Content::kZero);
  return object != nullptr ? object : call(next.allocate_zeroed, count, size);
}

void* reallocate_slow(void* block, std::size_t size) {
  if (block == nullptr) return is_large(size) ? allocate_large(size) : call(next.allocate, size);
  if (const std::size_t old_size = object_size(block)) {
    return reallocate_object(block, old_size, size);
  }
  void* object = is_large(size) ? move_into_object(block, size) : nullptr;
  return object != nullptr ? object : call(next.reallocate, block, size);
}

void release_slow(void* block) {
  if (!release_object(block)) call(next.release, block);
}

std::size_t usable_size_slow(void* block) {
  if (block == nullptr) return 0;
  const std::size_t size = object_size(block);
  return size != 0 ? size : call(next.usable_size, block);
}

}  // namespace terrace::preload
