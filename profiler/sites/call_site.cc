// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/call_site.h"

#include <cerrno>
#include <cstring>

#include "profiler/sites/frame_cache.h"
#include "profiler/sites/site_hash.h"
#include "profiler/sites/stack_walk.h"
#include "profiler/sites/unwinder_walk.h"

namespace terrace::sites {
namespace {

/// The caller's registers, from the frame record that asking for the frame address makes the
/// compiler keep: frame pointer, return address.
Registers caller_of(const void* frame_record) {
  Registers caller;
  std::memcpy(&caller.frame, frame_record, sizeof caller.frame);
  std::memcpy(&caller.instruction, static_cast<const char*>(frame_record) + 8,
              sizeof caller.instruction);
  caller.stack = reinterpret_cast<std::uintptr_t>(frame_record) + 16;
  return caller;
}

}  // namespace

[[gnu::noinline]] CallSite capture() {
  const int saved_errno = errno;
  const Registers caller = caller_of(__builtin_frame_address(0));
  const Walked walked = walk_stack(caller);
  const CallSite site = walked.end == WalkEnd::kDone ? walked.site : walk_by_unwinder(caller.stack);
  errno = saved_errno;
  return site;
}

[[gnu::noinline]] CallSite capture_by_unwinder() {
  const int saved_errno = errno;
  const CallSite site = walk_by_unwinder(caller_of(__builtin_frame_address(0)).stack);
  errno = saved_errno;
  return site;
}

void forget_modules() {
  forget_all_known();
}

CallSite file_site(const char* path, std::uint64_t file_bytes, std::uint64_t offset) {
  CallSite site;
  site.hash = file_site_hash(path, file_bytes, offset);
  return site;
}

}  // namespace terrace::sites
