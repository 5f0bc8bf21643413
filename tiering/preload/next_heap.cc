// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/next_heap.h"

#include <dlfcn.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "tiering/preload/early_heap.h"
#include "tiering/preload/next_operators.h"
#include "tiering/preload/os/kernel.h"
#include "tiering/preload/os/mapping_request.h"
#include "tiering/runtime/placement.h"

// glibc's own name for sigaction, which nobody interposes; behind us until the look-up.
extern "C" int __sigaction(int number, const struct sigaction* action, struct sigaction* previous);

namespace terrace::preload {
namespace {

constinit thread_local bool resolving = false;

// ---- Before the look-up: do it, then serve the call; inside it, serve from the early heap.

void* early_or_fail(std::size_t size, std::size_t alignment) {
  void* block = early_heap::allocate(size, alignment);
  if (block == nullptr) errno = ENOMEM;
  return block;
}

void* first_allocate(std::size_t size) {
  return resolve_next_heap() ? call(next.allocate, size) : early_or_fail(size, 1);
}

void checked_release(void* block);
void* checked_reallocate(void* block, std::size_t size);

void first_release(void* block) {
  resolve_next_heap() ? call(next.release, block) : checked_release(block);
}

void* first_allocate_zeroed(std::size_t count, std::size_t size) {
  if (resolve_next_heap()) return call(next.allocate_zeroed, count, size);
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  return early_or_fail(bytes, 1);
}

void* copy_early_block(void* block, std::size_t size, void* to) {
  if (to != nullptr) std::memcpy(to, block, std::min(size, early_heap::size_of(block)));
  return to;
}

void* first_reallocate(void* block, std::size_t size) {
  return resolve_next_heap() ? call(next.reallocate, block, size) : checked_reallocate(block, size);
}

void* first_memalign(std::size_t alignment, std::size_t size) {
  return resolve_next_heap() ? call(next.memalign, alignment, size)
                             : early_or_fail(size, alignment);
}

void* first_aligned_alloc(std::size_t alignment, std::size_t size) {
  return resolve_next_heap() ? call(next.aligned_alloc, alignment, size)
                             : early_or_fail(size, alignment);
}

int first_posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  if (resolve_next_heap()) return call(next.posix_memalign, block, alignment, size);
  *block = early_heap::allocate(size, alignment);
  return *block == nullptr ? ENOMEM : 0;
}

std::size_t first_usable_size(void* block) {
  if (resolve_next_heap()) return call(next.usable_size, block);
  return block == nullptr ? 0 : early_heap::size_of(block);
}

void* kernel_remap(void* address, std::size_t old_length, std::size_t new_length, int flags, ...) {
  void* target = nullptr;
  if (os::remap_has_target(flags)) {
    va_list rest;
    va_start(rest, flags);
    target = va_arg(rest, void*);
    va_end(rest);
  }
  return os::remap(address, old_length, new_length, flags, target);
}

int kernel_posix_advise(void* address, std::size_t length, int advice) {
  const int saved_errno = errno;
  const int error = os::advise(address, length, advice) == 0 ? 0 : errno;
  errno = saved_errno;
  return error;
}

__sighandler_t first_signal(int number, __sighandler_t handler) {
  return resolve_next_heap() ? call(next.signal, number, handler) : SIG_ERR;
}

int first_close_library(void* library) {
  return resolve_next_heap() ? call(next.close_library, library) : -1;
}

// ---- Whenever blocks of the early heap may come back: inside the look-up, and after it if the
// early heap had to serve. The usual process never gets to these.

constinit NextFunction<void(void*)> plain_release{nullptr};
constinit NextFunction<void*(void*, std::size_t)> plain_reallocate{nullptr};
constinit NextFunction<std::size_t(void*)> plain_usable_size{nullptr};

void checked_release(void* block) {
  // Inside the look-up, before "free" is found, only early blocks exist.
  if (!early_heap::owns(block) && plain_release.load(std::memory_order_relaxed) != nullptr) {
    call(plain_release, block);
  }
}

void* checked_reallocate(void* block, std::size_t size) {
  if (block == nullptr) return call(next.allocate, size);
  if (!early_heap::owns(block)) return call(plain_reallocate, block, size);
  return copy_early_block(block, size, call(next.allocate, size));
}

std::size_t checked_usable_size(void* block) {
  return early_heap::owns(block) ? early_heap::size_of(block) : call(plain_usable_size, block);
}

// ---- The look-up.

/// Stores the next definition of `name`; keeps what is there when nobody behind us has one.
template <typename Function>
void find(NextFunction<Function>& function, const char* name) {
  if (void* found = dlsym(RTLD_NEXT, name)) {
    function.store(reinterpret_cast<Function*>(found), std::memory_order_relaxed);
  }
}

void find_heap() {
  // These four first: from here on an allocation made by dlsym itself has somewhere to go.
  find(next.allocate, "malloc");
  find(plain_release, "free");
  find(next.allocate_zeroed, "calloc");
  find(plain_reallocate, "realloc");
  find(next.memalign, "memalign");
  find(next.aligned_alloc, "aligned_alloc");
  find(next.posix_memalign, "posix_memalign");
  find(plain_usable_size, "malloc_usable_size");
  const bool early = early_heap::used();
  const auto relaxed = std::memory_order_relaxed;
  next.release.store(early ? &checked_release : plain_release.load(relaxed), relaxed);
  next.reallocate.store(early ? &checked_reallocate : plain_reallocate.load(relaxed), relaxed);
  next.usable_size.store(early ? &checked_usable_size : plain_usable_size.load(relaxed), relaxed);
}

void find_mappings() {
  find(next.map, "mmap");
  find(next.unmap, "munmap");
  find(next.remap, "mremap");
  find(next.advise, "madvise");
  find(next.protect, "mprotect");
  find(next.posix_advise, "posix_madvise");
  find(next.set_action, "sigaction");
  find(next.signal, "signal");
  find(next.close_library, "dlclose");
}

template <typename Function>
bool find_module(const NextFunction<Function>& function, dl_find_object& module) {
  auto* address = reinterpret_cast<void*>(function.load(std::memory_order_relaxed));
  return _dl_find_object(address, &module) == 0;
}

void find_heap_module() {
  dl_find_object heap{};
  dl_find_object sizes{};
  if (!find_module(next.allocate, heap)) return;
  next.module_begin.store(reinterpret_cast<std::uintptr_t>(heap.dlfo_map_start),
                          std::memory_order_relaxed);
  next.module_end.store(reinterpret_cast<std::uintptr_t>(heap.dlfo_map_end),
                        std::memory_order_relaxed);
  const bool same =
      find_module(plain_usable_size, sizes) && sizes.dlfo_map_start == heap.dlfo_map_start;
  next.usable_size_known.store(same, std::memory_order_relaxed);
}

}  // namespace

constinit Next next{
    .heap_threshold_bytes = UINT64_MAX,
    .allocate = &first_allocate,
    .release = &first_release,
    .allocate_zeroed = &first_allocate_zeroed,
    .reallocate = &first_reallocate,
    .memalign = &first_memalign,
    .aligned_alloc = &first_aligned_alloc,
    .posix_memalign = &first_posix_memalign,
    .usable_size = &first_usable_size,
    .mapping_threshold_bytes = UINT64_MAX,
    .map = &os::map,
    .unmap = &os::unmap,
    .remap = &kernel_remap,
    .advise = &os::advise,
    .protect = &os::protect,
    .posix_advise = &kernel_posix_advise,
    .set_action = &__sigaction,
    .signal = &first_signal,
    .close_library = &first_close_library,
    .module_begin = 0,
    .module_end = 0,
    .usable_size_known = false,
};

bool resolve_next_heap() {
  if (resolving) return false;
  resolving = true;
  const int saved_errno = errno;
  find_heap();
  find_mappings();
  find_heap_module();
  resolve_next_operators();
  // A symbol that nobody has leaves a message for the program's next dlerror(). A look-up that
  // succeeds drops it; dlerror() itself would translate it under the locale's lock, which the
  // caller may hold: newlocale() allocates with the lock taken.
  dlsym(RTLD_NEXT, "free");
  errno = saved_errno;
  resolving = false;
  return true;
}

bool inside_next_heap(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return at >= next.module_begin.load(std::memory_order_relaxed) &&
         at < next.module_end.load(std::memory_order_relaxed);
}

void refresh_thresholds() {
  const auto relaxed = std::memory_order_relaxed;
  next.heap_threshold_bytes.store(runtime::heap_threshold_bytes(), relaxed);
  next.mapping_threshold_bytes.store(
      std::min(runtime::anonymous_threshold_bytes(), runtime::file_threshold_bytes()), relaxed);
}

}  // namespace terrace::preload
