// SPDX-License-Identifier: Apache-2.0
// The allocator and the mapping calls behind the shim: the next ones in the process's search order,
// glibc's unless the user preloads another allocator after us. Looked up once, in the constructor
// or on the first call before it, never inside a later allocation.
// Thread-safe: the look-up is idempotent, each pointer is one atomic word. Nothing here allocates
// except through the functions it points to.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>

namespace terrace::preload {

/// A function pointer that is rewritten once, while other threads may be calling through it.
template <typename Function>
using NextFunction = std::atomic<Function*>;

/// What malloc and free read: the first cache line serves a small malloc + free pair entirely.
/// Every pointer is callable from the first instruction on: it starts at a function that does the
/// look-up (heap) or goes straight to the kernel (mappings).
struct alignas(64) Next {
  /// The runtime's heap threshold as of the last refresh_thresholds(); UINT64_MAX: never an object.
  std::atomic<std::uint64_t> heap_threshold_bytes;
  NextFunction<void*(std::size_t)> allocate;
  NextFunction<void(void*)> release;
  NextFunction<void*(std::size_t, std::size_t)> allocate_zeroed;
  NextFunction<void*(void*, std::size_t)> reallocate;
  NextFunction<void*(std::size_t, std::size_t)> memalign;
  NextFunction<void*(std::size_t, std::size_t)> aligned_alloc;
  NextFunction<int(void**, std::size_t, std::size_t)> posix_memalign;
  NextFunction<std::size_t(void*)> usable_size;

  /// The smaller of the runtime's two mapping thresholds.
  std::atomic<std::uint64_t> mapping_threshold_bytes;
  NextFunction<void*(void*, std::size_t, int, int, int, off_t)> map;
  NextFunction<int(void*, std::size_t)> unmap;
  NextFunction<void*(void*, std::size_t, std::size_t, int, ...)> remap;
  NextFunction<int(void*, std::size_t, int)> advise;
  NextFunction<int(void*, std::size_t, int)> protect;
  NextFunction<int(void*, std::size_t, int)> posix_advise;

  NextFunction<int(int, const struct sigaction*, struct sigaction*)> set_action;
  NextFunction<__sighandler_t(int, __sighandler_t)> signal;
  NextFunction<int(void*)> close_library;

  /// Address range of the module that `allocate` lives in.
  std::atomic<std::uintptr_t> module_begin;
  std::atomic<std::uintptr_t> module_end;
  /// Do `usable_size` and `allocate` come from the same module? Only then its answer can be
  /// trusted.
  std::atomic<bool> usable_size_known;
};

[[gnu::visibility("hidden")]] extern Next next;

/// Calls through a NextFunction without a fence; the compiler makes it a load and a jump.
template <typename Function, typename... Arguments>
inline auto call(const NextFunction<Function>& function, Arguments... arguments) {
  return function.load(std::memory_order_relaxed)(arguments...);
}

/// Fills `next`. False when this thread is inside the look-up already: serve from the early heap.
bool resolve_next_heap();

/// Does code at `address` belong to the allocator behind us? Its own arenas are left to it.
bool inside_next_heap(const void* address);

/// Takes the runtime's thresholds over; called whenever start, stop or fork may have changed them.
void refresh_thresholds();

}  // namespace terrace::preload
