// SPDX-License-Identifier: Apache-2.0
// The C++ operators new and delete behind the shim. Small blocks go to them, so that an allocator
// with operators of its own keeps its fast path, new-handlers run and std::bad_alloc is thrown by
// the C++ runtime of the program: nothing of it is linked here.
// Thread-safe like next_heap.h, which fills these; nothing allocates but what they point to.
#pragma once

#include <cstddef>
#include <new>

#include "tiering/preload/next_heap.h"

namespace terrace::preload {

using NewFunction = void*(std::size_t);
using NewNothrowFunction = void*(std::size_t, const std::nothrow_t&);
using NewAlignedFunction = void*(std::size_t, std::align_val_t);
using NewAlignedNothrowFunction = void*(std::size_t, std::align_val_t, const std::nothrow_t&);

using DeleteFunction = void(void*);
using DeleteSizedFunction = void(void*, std::size_t);
using DeleteNothrowFunction = void(void*, const std::nothrow_t&);
using DeleteAlignedFunction = void(void*, std::align_val_t);
using DeleteSizedAlignedFunction = void(void*, std::size_t, std::align_val_t);
using DeleteAlignedNothrowFunction = void(void*, std::align_val_t, const std::nothrow_t&);

/// The forms of one operator, either the plain or the array one.
struct NextNew {
  NextFunction<NewFunction> plain;
  NextFunction<NewNothrowFunction> nothrow;
  NextFunction<NewAlignedFunction> aligned;
  NextFunction<NewAlignedNothrowFunction> aligned_nothrow;
};

struct NextDelete {
  NextFunction<DeleteFunction> plain;
  NextFunction<DeleteSizedFunction> sized;
  NextFunction<DeleteNothrowFunction> nothrow;
  NextFunction<DeleteAlignedFunction> aligned;
  NextFunction<DeleteSizedAlignedFunction> sized_aligned;
  NextFunction<DeleteAlignedNothrowFunction> aligned_nothrow;
};

/// Until the look-up, and for good when the program was started without a C++ runtime, these lead
/// to the next malloc and free; a C++ library that such a program loads later is found when it is
/// needed, to throw.
[[gnu::visibility("hidden")]] extern NextNew next_new;
[[gnu::visibility("hidden")]] extern NextNew next_new_array;
[[gnu::visibility("hidden")]] extern NextDelete next_delete;
[[gnu::visibility("hidden")]] extern NextDelete next_delete_array;

/// Part of resolve_next_heap().
void resolve_next_operators();

}  // namespace terrace::preload
