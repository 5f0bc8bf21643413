// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/next_operators.h"

#include <dlfcn.h>
#include <link.h>

#include <cstring>

#include "profiler/sites/call_site.h"
#include "tiering/preload/os/kernel.h"
#include "tiering/preload/reentry_guard.h"

namespace terrace::preload {
namespace {

// ---- No C++ runtime in the search order: allocate from the next heap; on failure the caller's own
// C++ runtime decides, because only it can run the new-handler and throw.

/// `name` as the C++ code that called us sees it. A C program may load C++ libraries privately:
/// then RTLD_NEXT does not show their runtime, but the module of the caller does. glibc's module
/// handles are the link maps that _dl_find_object reports. Only on the way to std::bad_alloc.
void* operator_of_caller(const char* name) {
  ReentryGuard guard;
  void* own = dlsym(RTLD_DEFAULT, name);
  const CallSite site = sites::capture();
  for (std::uint32_t i = 0; i < site.frame_count; ++i) {
    dl_find_object module{};
    if (_dl_find_object(reinterpret_cast<void*>(site.frames[i]), &module) != 0) continue;
    void* found = dlsym(module.dlfo_link_map, name);
    if (found != nullptr && found != own) return found;
  }
  return nullptr;
}

template <typename Function>
Function* required_operator(const char* name) {
  void* found = operator_of_caller(name);
  if (found == nullptr)
    os::die("terrace: operator new: out of memory, and no C++ runtime to say so\n");
  return reinterpret_cast<Function*>(found);
}

std::size_t at_least_one(std::size_t size) {
  return size == 0 ? 1 : size;
}

void* new_by_malloc(std::size_t size) {
  void* block = call(next.allocate, at_least_one(size));
  return block != nullptr ? block : required_operator<NewFunction>("_Znwm")(size);
}

void* new_nothrow_by_malloc(std::size_t size, const std::nothrow_t&) {
  return call(next.allocate, at_least_one(size));
}

void* new_aligned_by_malloc(std::size_t size, std::align_val_t alignment) {
  void* block = call(next.memalign, static_cast<std::size_t>(alignment), at_least_one(size));
  if (block != nullptr) return block;
  return required_operator<NewAlignedFunction>("_ZnwmSt11align_val_t")(size, alignment);
}

void* new_aligned_nothrow_by_malloc(std::size_t size, std::align_val_t alignment,
                                    const std::nothrow_t&) {
  return call(next.memalign, static_cast<std::size_t>(alignment), at_least_one(size));
}

template <typename... Ignored>
void delete_by_free(void* block, Ignored...) {
  call(next.release, block);
}

void delete_nothrow_by_free(void* block, const std::nothrow_t&) {
  call(next.release, block);
}

void delete_aligned_nothrow_by_free(void* block, std::align_val_t, const std::nothrow_t&) {
  call(next.release, block);
}

// ---- The C++ runtime's own operators behind us: they come back to our malloc, a sized delete by
// way of our plain delete. Small blocks go straight to the next heap; the runtime's operator is
// called when there is no memory, for its new-handler and its std::bad_alloc.

constinit NextNew runtime_new{&new_by_malloc, &new_nothrow_by_malloc, &new_aligned_by_malloc,
                              &new_aligned_nothrow_by_malloc};

void* new_else_runtime(std::size_t size) {
  void* block = call(next.allocate, at_least_one(size));
  if (block != nullptr) [[likely]]
    return block;
  return call(runtime_new.plain, size);
}

void* new_nothrow_else_runtime(std::size_t size, const std::nothrow_t& tag) {
  void* block = call(next.allocate, at_least_one(size));
  if (block != nullptr) [[likely]]
    return block;
  return runtime_new.nothrow.load(std::memory_order_relaxed)(size, tag);
}

link_map* module_of(void* function) {
  dl_find_object module{};
  if (function == nullptr || _dl_find_object(function, &module) != 0) return nullptr;
  return module.dlfo_link_map;
}

/// libstdc++ or libc++, whose operators are known to be malloc and free. Any other library's
/// operators are an allocator's own and stay in charge.
bool is_cxx_runtime(void* function) {
  const link_map* const module = module_of(function);
  const char* const name = module != nullptr ? std::strrchr(module->l_name, '/') : nullptr;
  if (name == nullptr) return false;
  return std::strncmp(name, "/libstdc++.so", 13) == 0 || std::strncmp(name, "/libc++", 7) == 0;
}

/// Does the program define one of these itself? The runtime's other forms call that one then.
bool is_any_replaced() {
  const link_map* const own = module_of(reinterpret_cast<void*>(&new_else_runtime));
  for (const char* name : {"_Znwm", "_Znam", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm",
                           "_ZnwmRKSt9nothrow_t", "_ZnamRKSt9nothrow_t"}) {
    if (module_of(dlsym(RTLD_DEFAULT, name)) != own) return true;
  }
  return false;
}

void bypass_cxx_runtime() {
  const auto relaxed = std::memory_order_relaxed;
  runtime_new.plain.store(next_new.plain.load(relaxed), relaxed);
  runtime_new.nothrow.store(next_new.nothrow.load(relaxed), relaxed);
  for (NextNew* operators : {&next_new, &next_new_array}) {
    operators->plain.store(&new_else_runtime, relaxed);
    operators->nothrow.store(&new_nothrow_else_runtime, relaxed);
  }
  for (NextDelete* operators : {&next_delete, &next_delete_array}) {
    operators->plain.store(&delete_by_free<>, relaxed);
    operators->sized.store(&delete_by_free<std::size_t>, relaxed);
    operators->nothrow.store(&delete_nothrow_by_free, relaxed);
  }
}

template <typename Function>
void find(NextFunction<Function>& function, const char* name) {
  if (void* found = dlsym(RTLD_NEXT, name)) {
    function.store(reinterpret_cast<Function*>(found), std::memory_order_relaxed);
  }
}

consteval NextNew all_new_by_malloc() {
  return {
      .plain = &new_by_malloc,
      .nothrow = &new_nothrow_by_malloc,
      .aligned = &new_aligned_by_malloc,
      .aligned_nothrow = &new_aligned_nothrow_by_malloc,
  };
}

consteval NextDelete all_delete_by_free() {
  return {
      .plain = &delete_by_free<>,
      .sized = &delete_by_free<std::size_t>,
      .nothrow = &delete_nothrow_by_free,
      .aligned = &delete_by_free<std::align_val_t>,
      .sized_aligned = &delete_by_free<std::size_t, std::align_val_t>,
      .aligned_nothrow = &delete_aligned_nothrow_by_free,
  };
}

}  // namespace

constinit NextNew next_new = all_new_by_malloc();
constinit NextNew next_new_array = all_new_by_malloc();
constinit NextDelete next_delete = all_delete_by_free();
constinit NextDelete next_delete_array = all_delete_by_free();

void resolve_next_operators() {
  // All or nothing: a C program is spared nineteen failing look-ups.
  if (dlsym(RTLD_NEXT, "_ZdlPv") == nullptr) return;
  find(next_delete.plain, "_ZdlPv");
  find(next_delete.sized, "_ZdlPvm");
  find(next_delete.nothrow, "_ZdlPvRKSt9nothrow_t");
  find(next_delete.aligned, "_ZdlPvSt11align_val_t");
  find(next_delete.sized_aligned, "_ZdlPvmSt11align_val_t");
  find(next_delete.aligned_nothrow, "_ZdlPvSt11align_val_tRKSt9nothrow_t");
  find(next_delete_array.plain, "_ZdaPv");
  find(next_delete_array.sized, "_ZdaPvm");
  find(next_delete_array.nothrow, "_ZdaPvRKSt9nothrow_t");
  find(next_delete_array.aligned, "_ZdaPvSt11align_val_t");
  find(next_delete_array.sized_aligned, "_ZdaPvmSt11align_val_t");
  find(next_delete_array.aligned_nothrow, "_ZdaPvSt11align_val_tRKSt9nothrow_t");
  find(next_new.plain, "_Znwm");
  find(next_new.nothrow, "_ZnwmRKSt9nothrow_t");
  find(next_new.aligned, "_ZnwmSt11align_val_t");
  find(next_new.aligned_nothrow, "_ZnwmSt11align_val_tRKSt9nothrow_t");
  find(next_new_array.plain, "_Znam");
  find(next_new_array.nothrow, "_ZnamRKSt9nothrow_t");
  find(next_new_array.aligned, "_ZnamSt11align_val_t");
  find(next_new_array.aligned_nothrow, "_ZnamSt11align_val_tRKSt9nothrow_t");
  if (is_cxx_runtime(dlsym(RTLD_NEXT, "_Znwm")) && is_cxx_runtime(dlsym(RTLD_NEXT, "_ZdlPv")) &&
      !is_any_replaced()) {
    bypass_cxx_runtime();
  }
}

}  // namespace terrace::preload
