// SPDX-License-Identifier: Apache-2.0
// The slow half of every heap entry point: blocks large enough to be objects, and addresses that
// may be one. The hot half (malloc_shim.cc, cxx_operators.cc) decides with one compare whether it
// has to come here; from here it goes on to tiering/runtime/placement.h.
// Thread-safe; allocates from the runtime or the next heap only; keeps errno except on failure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tiering/preload/next_heap.h"
#include "tiering/runtime/placement.h"

namespace terrace::preload {

/// Objects start at multiples of this (tiering/runtime/placement.h).
inline constexpr std::uintptr_t kObjectAlignment = std::uintptr_t{2} << 20;

/// Alignment of a plain malloc.
inline constexpr std::size_t kHeapAlignment = alignof(std::max_align_t);

inline bool is_large(std::size_t size) {
  return size >= next.heap_threshold_bytes.load(std::memory_order_relaxed);
}

/// One test instruction; true for null too, which the slow half sorts out.
inline bool may_start_object(const void* block) {
  return (reinterpret_cast<std::uintptr_t>(block) & (kObjectAlignment - 1)) == 0;
}

/// Fills the call-site in and asks the runtime. nullptr: take the ordinary way. An alignment that
/// is no power of two is never placed, so that the next heap gives its own answer to it.
void* try_object(std::size_t size, std::size_t alignment,
                 runtime::Content content = runtime::Content::kAny);

/// True when `block` was an object and is freed.
bool release_object(void* block);

void* allocate_large(std::size_t size);
void* allocate_zeroed_large(std::size_t count, std::size_t size, std::size_t bytes);
void* reallocate_slow(void* block, std::size_t size);
void release_slow(void* block);
std::size_t usable_size_slow(void* block);

}  // namespace terrace::preload
