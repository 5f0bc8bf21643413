// SPDX-License-Identifier: Apache-2.0
// malloc and its kin as the program sees them. First file on the walk of
// docs/life-of-an-allocation.md: a small block is one compare and one jump to the heap behind us, a
// large one goes on to large_block.cc and from there to tiering/runtime/placement.cc.
// Results, errno and corner cases are those of glibc, mostly by passing them on.
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "tiering/preload/export.h"
#include "tiering/preload/large_block.h"
#include "tiering/preload/next_heap.h"
#include "tiering/preload/os/kernel.h"

using terrace::preload::call;
using terrace::preload::is_large;
using terrace::preload::may_start_object;
using terrace::preload::next;
using terrace::preload::try_object;

namespace {

/// `count` * `size` saturated: what overflows is large, and refused by the next heap.
std::size_t product(std::size_t count, std::size_t size) {
  std::size_t bytes = 0;
  return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

void* reallocate(void* block, std::size_t size) {
  if (is_large(size) || may_start_object(block)) [[unlikely]] {
    return terrace::preload::reallocate_slow(block, size);
  }
  return call(next.reallocate, block, size);
}

void release(void* block) {
  if (may_start_object(block)) [[unlikely]]
    return terrace::preload::release_slow(block);
  return call(next.release, block);
}

void* memalign_any(std::size_t alignment, std::size_t size) {
  if (is_large(size)) [[unlikely]] {
    if (void* object = try_object(size, alignment)) return object;
  }
  return call(next.memalign, alignment, size);
}

}  // namespace

extern "C" {

TERRACE_EXPORT void* malloc(std::size_t size) noexcept {
  if (is_large(size)) [[unlikely]]
    return terrace::preload::allocate_large(size);
  return call(next.allocate, size);
}

TERRACE_EXPORT void free(void* block) noexcept {
  release(block);
}

TERRACE_EXPORT void* calloc(std::size_t count, std::size_t size) noexcept {
  const std::size_t bytes = product(count, size);
  if (is_large(bytes)) [[unlikely]] {
    return terrace::preload::allocate_zeroed_large(count, size, bytes);
  }
  return call(next.allocate_zeroed, count, size);
}

TERRACE_EXPORT void* realloc(void* block, std::size_t size) noexcept {
  return reallocate(block, size);
}

TERRACE_EXPORT void* reallocarray(void* block, std::size_t count, std::size_t size) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  return reallocate(block, bytes);
}

TERRACE_EXPORT int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  if (is_large(size) && alignment % sizeof(void*) == 0) [[unlikely]] {
    if (void* object = try_object(size, alignment)) {
      *block = object;
      return 0;
    }
  }
  return call(next.posix_memalign, block, alignment, size);
}

TERRACE_EXPORT void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  if (is_large(size)) [[unlikely]] {
    if (void* object = try_object(size, alignment)) return object;
  }
  return call(next.aligned_alloc, alignment, size);
}

TERRACE_EXPORT void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return memalign_any(alignment, size);
}

TERRACE_EXPORT void* valloc(std::size_t size) noexcept {
  return memalign_any(terrace::preload::os::page_bytes(), size);
}

TERRACE_EXPORT void* pvalloc(std::size_t size) noexcept {
  const std::size_t page = terrace::preload::os::page_bytes();
  std::size_t rounded = 0;
  if (__builtin_add_overflow(size, page - 1, &rounded)) {
    errno = ENOMEM;
    return nullptr;
  }
  return memalign_any(page, rounded & ~(page - 1));
}

TERRACE_EXPORT std::size_t malloc_usable_size(void* block) noexcept {
  if (may_start_object(block)) [[unlikely]]
    return terrace::preload::usable_size_slow(block);
  return call(next.usable_size, block);
}

// C23; the size and the alignment are the program's knowledge, and nothing here needs them.
TERRACE_EXPORT void free_sized(void* block, std::size_t) noexcept {
  release(block);
}

TERRACE_EXPORT void free_aligned_sized(void* block, std::size_t, std::size_t) noexcept {
  release(block);
}

}  // extern "C"
