// SPDX-License-Identifier: Apache-2.0
// operator new and operator delete in every form. libstdc++'s own lead to malloc and would be seen
// there, but an allocator preloaded behind us brings operators of its own, past which no large
// block would come to us: hence these. A large block becomes an object; everything else, failure
// and the throwing of std::bad_alloc included, is the next operator's.
#include <cstddef>
#include <new>

#include "tiering/preload/export.h"
#include "tiering/preload/large_block.h"
#include "tiering/preload/next_operators.h"

using std::align_val_t;
using std::nothrow_t;
using std::size_t;
using terrace::preload::call;
using terrace::preload::next_delete;
using terrace::preload::next_delete_array;
using terrace::preload::next_new;
using terrace::preload::next_new_array;

namespace {

using terrace::preload::NextFunction;

template <typename Function, typename... Rest>
inline void* allocate(const NextFunction<Function>& function, size_t size, const Rest&... rest) {
  if (terrace::preload::is_large(size)) [[unlikely]] {
    if (void* object = terrace::preload::try_object(size, terrace::preload::kHeapAlignment)) {
      return object;
    }
  }
  return function.load(std::memory_order_relaxed)(size, rest...);
}

template <typename Function, typename... Rest>
inline void* allocate_aligned(const NextFunction<Function>& function, size_t size,
                              align_val_t alignment, const Rest&... rest) {
  if (terrace::preload::is_large(size)) [[unlikely]] {
    if (void* object = terrace::preload::try_object(size, static_cast<size_t>(alignment))) {
      return object;
    }
  }
  return function.load(std::memory_order_relaxed)(size, alignment, rest...);
}

template <typename Function, typename... Rest>
inline void release(const NextFunction<Function>& function, void* block, const Rest&... rest) {
  if (terrace::preload::may_start_object(block)) [[unlikely]] {
    if (terrace::preload::release_object(block)) return;
  }
  return function.load(std::memory_order_relaxed)(block, rest...);
}

}  // namespace

TERRACE_EXPORT void* operator new(size_t size) {
  return allocate(next_new.plain, size);
}
TERRACE_EXPORT void* operator new[](size_t size) {
  return allocate(next_new_array.plain, size);
}
TERRACE_EXPORT void* operator new(size_t size, const nothrow_t& tag) noexcept {
  return allocate(next_new.nothrow, size, tag);
}
TERRACE_EXPORT void* operator new[](size_t size, const nothrow_t& tag) noexcept {
  return allocate(next_new_array.nothrow, size, tag);
}
TERRACE_EXPORT void* operator new(size_t size, align_val_t alignment) {
  return allocate_aligned(next_new.aligned, size, alignment);
}
TERRACE_EXPORT void* operator new[](size_t size, align_val_t alignment) {
  return allocate_aligned(next_new_array.aligned, size, alignment);
}
TERRACE_EXPORT void* operator new(size_t size, align_val_t alignment,
                                  const nothrow_t& tag) noexcept {
  return allocate_aligned(next_new.aligned_nothrow, size, alignment, tag);
}
TERRACE_EXPORT void* operator new[](size_t size, align_val_t alignment,
                                    const nothrow_t& tag) noexcept {
  return allocate_aligned(next_new_array.aligned_nothrow, size, alignment, tag);
}

TERRACE_EXPORT void operator delete(void* block) noexcept {
  release(next_delete.plain, block);
}
TERRACE_EXPORT void operator delete[](void* block) noexcept {
  release(next_delete_array.plain, block);
}
TERRACE_EXPORT void operator delete(void* block, size_t size) noexcept {
  release(next_delete.sized, block, size);
}
TERRACE_EXPORT void operator delete[](void* block, size_t size) noexcept {
  release(next_delete_array.sized, block, size);
}
TERRACE_EXPORT void operator delete(void* block, const nothrow_t& tag) noexcept {
  release(next_delete.nothrow, block, tag);
}
TERRACE_EXPORT void operator delete[](void* block, const nothrow_t& tag) noexcept {
  release(next_delete_array.nothrow, block, tag);
}
TERRACE_EXPORT void operator delete(void* block, align_val_t alignment) noexcept {
  release(next_delete.aligned, block, alignment);
}
TERRACE_EXPORT void operator delete[](void* block, align_val_t alignment) noexcept {
  release(next_delete_array.aligned, block, alignment);
}
TERRACE_EXPORT void operator delete(void* block, size_t size, align_val_t alignment) noexcept {
  release(next_delete.sized_aligned, block, size, alignment);
}
TERRACE_EXPORT void operator delete[](void* block, size_t size, align_val_t alignment) noexcept {
  release(next_delete_array.sized_aligned, block, size, alignment);
}
TERRACE_EXPORT void operator delete(void* block, align_val_t alignment,
                                    const nothrow_t& tag) noexcept {
  release(next_delete.aligned_nothrow, block, alignment, tag);
}
TERRACE_EXPORT void operator delete[](void* block, align_val_t alignment,
                                      const nothrow_t& tag) noexcept {
  release(next_delete_array.aligned_nothrow, block, alignment, tag);
}
