// SPDX-License-Identifier: Apache-2.0
// mmap and its kin as the program sees them. Large anonymous memory and large read-only views of
// files become objects; what the program then does to parts of them goes to the runtime first.
// Everything else is the next library's call with the arguments untouched. The runtime's own calls
// never come here: the link binds them to runtime_mappings.cc.
#include <sys/types.h>

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>

#include "profiler/sites/call_site.h"
#include "tiering/preload/export.h"
#include "tiering/preload/next_heap.h"
#include "tiering/preload/os/kernel.h"
#include "tiering/preload/os/mapping_request.h"
#include "tiering/preload/reentry_guard.h"
#include "tiering/runtime/placement.h"

namespace runtime = terrace::runtime;
namespace os = terrace::preload::os;
using os::MappingKind;
using terrace::preload::call;
using terrace::preload::next;

namespace {

struct MapRequest {
  void* address;
  std::size_t length;
  int protection;
  int flags;
  int fd;
  off_t offset;
};

void* place_anonymous(const MapRequest& request) {
  if (request.length < runtime::anonymous_threshold_bytes()) return nullptr;
  const terrace::CallSite site = terrace::sites::capture();
  return runtime::allocate_object(request.length, 1, terrace::Origin::kAnonymous, site,
                                  runtime::Content::kZero);
}

void* place_file(const MapRequest& request) {
  if (request.length < runtime::file_threshold_bytes()) return nullptr;
  if (!os::copyable_file(request.fd, request.length, request.offset)) return nullptr;
  return runtime::materialize_file(
      {request.fd, static_cast<std::uint64_t>(request.offset), request.length, request.protection,
       os::shares_file(request.flags) ? runtime::FileView::kShared : runtime::FileView::kPrivate});
}

/// nullptr: map it the ordinary way.
void* place(const MapRequest& request) {
  if (terrace::preload::inside_placement || request.length > PTRDIFF_MAX) return nullptr;
  terrace::preload::ReentryGuard guard;
  const MappingKind kind =
      os::classify(request.address, request.protection, request.flags, request.fd);
  if (kind == MappingKind::kAnonymous) return place_anonymous(request);
  return kind == MappingKind::kFile ? place_file(request) : nullptr;
}

using RangeResult = runtime::MappingResult;

/// The kernel takes lengths in whole pages. What would overflow stays as it is, for the kernel to
/// refuse.
std::size_t whole_pages(std::size_t length) {
  const std::size_t last = os::page_bytes() - 1;
  return length > SIZE_MAX - last ? length : (length + last) & ~last;
}

/// What the runtime makes of a call on part of its memory. Around fork it is locked by this thread
/// (attach.cc): such a call of a fork handler on our memory is taken as done. An address inside a
/// page is the kernel's to refuse.
template <typename Call>
RangeResult ask_runtime(const void* address, Call call_runtime) {
  if (reinterpret_cast<std::uintptr_t>(address) % os::page_bytes() != 0) return {};
  if (!terrace::preload::inside_placement) return call_runtime();
  return {runtime::owns(address), 0};
}

RangeResult remap_ours(void* address, std::size_t old_length, std::size_t new_length, int flags,
                       void* target) {
  const RangeResult ours = ask_runtime(address, [=] {
    return runtime::remap_range(address, whole_pages(old_length), whole_pages(new_length), flags,
                                target);
  });
  if (!ours.handled || ours.result != 0) return ours;
  errno = ENOMEM;
  return {true, -1};
}

RangeResult unmap_ours(void* address, std::size_t length) {
  if (length == 0) return {};  // the kernel's EINVAL
  return ask_runtime(address, [=] { return runtime::unmap_range(address, whole_pages(length)); });
}

/// Around fork the runtime is locked by this thread: what lies there is left to the kernel then.
void surrender(void* address, std::size_t length) {
  if (!terrace::preload::inside_placement) runtime::surrender_range(address, whole_pages(length));
}

/// A call that fails must leave what lies there alone. An address inside a page is the kernel's to
/// refuse as well.
bool replacement_refused(const MapRequest& request) {
  if (reinterpret_cast<std::uintptr_t>(request.address) % os::page_bytes() != 0) {
    errno = EINVAL;
    return true;
  }
  return os::mapping_refused(request.length, request.protection, request.flags, request.fd,
                             request.offset);
}

/// `caller`: the heap behind us keeps its arenas, which are made of small blocks.
void* map(const MapRequest& request, const void* caller) {
  if (request.length >= next.mapping_threshold_bytes.load(std::memory_order_relaxed) &&
      !terrace::preload::inside_next_heap(caller)) {
    if (void* placed = place(request)) return placed;
  }
  // The kernel would take our pages away under the object; so the object gives them up first.
  if (os::replaces(request.flags) && runtime::may_touch(request.address, request.length)) {
    if (replacement_refused(request)) return reinterpret_cast<void*>(-1);
    surrender(request.address, request.length);
  }
  return call(next.map, request.address, request.length, request.protection, request.flags,
              request.fd, request.offset);
}

}  // namespace

extern "C" {

TERRACE_EXPORT void* mmap(void* address, std::size_t length, int protection, int flags, int fd,
                          off_t offset) noexcept {
  return map({address, length, protection, flags, fd, offset}, __builtin_return_address(0));
}

TERRACE_EXPORT void* mmap64(void* address, std::size_t length, int protection, int flags, int fd,
                            off64_t offset) noexcept {
  return map({address, length, protection, flags, fd, offset}, __builtin_return_address(0));
}

TERRACE_EXPORT int munmap(void* address, std::size_t length) noexcept {
  const RangeResult ours = unmap_ours(address, length);
  return ours.handled ? static_cast<int>(ours.result) : call(next.unmap, address, length);
}

TERRACE_EXPORT void* mremap(void* address, std::size_t old_length, std::size_t new_length,
                            int flags, ...) noexcept {
  void* target = nullptr;
  if (os::remap_has_target(flags)) {
    va_list rest;
    va_start(rest, flags);
    target = va_arg(rest, void*);
    va_end(rest);
  }
  const RangeResult ours = remap_ours(address, old_length, new_length, flags, target);
  if (ours.handled) return reinterpret_cast<void*>(ours.result);
  if (os::remap_replaces(flags) && runtime::may_touch(target, new_length) &&
      !os::remap_refused(address, old_length, new_length, flags, target)) {
    surrender(target, new_length);
  }
  return call(next.remap, address, old_length, new_length, flags, target);
}

TERRACE_EXPORT int madvise(void* address, std::size_t length, int advice) noexcept {
  const RangeResult ours = ask_runtime(
      address, [=] { return runtime::advise_range(address, whole_pages(length), advice); });
  return ours.handled ? static_cast<int>(ours.result) : call(next.advise, address, length, advice);
}

TERRACE_EXPORT int posix_madvise(void* address, std::size_t length, int advice) noexcept {
  const int kernel_advice = os::kernel_advice(advice);
  if (kernel_advice >= 0) {
    const int saved_errno = errno;
    const RangeResult ours = ask_runtime(address, [=] {
      return runtime::advise_range(address, whole_pages(length), kernel_advice);
    });
    const int error = ours.result == 0 ? 0 : errno;
    errno = saved_errno;
    if (ours.handled) return error;
  }
  return call(next.posix_advise, address, length, advice);
}

TERRACE_EXPORT int mprotect(void* address, std::size_t length, int protection) noexcept {
  const RangeResult ours = ask_runtime(
      address, [=] { return runtime::protect_range(address, whole_pages(length), protection); });
  return ours.handled ? static_cast<int>(ours.result)
                      : call(next.protect, address, length, protection);
}

}  // extern "C"
