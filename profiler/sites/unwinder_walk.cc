// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/unwinder_walk.h"

#include <unwind.h>

#include "profiler/sites/frame_module.h"
#include "profiler/sites/site_builder.h"

namespace terrace::sites {
namespace {

struct Walk {
  std::uintptr_t first_stack = 0;
  Module own;
  bool begun = false;
  int steps = 0;
  SiteBuilder builder;
};

std::uint64_t key_of(std::uintptr_t address) {
  const Module module = find_module(address - 1);
  return module.map == nullptr ? generated_key() : frame_key(address, module);
}

_Unwind_Reason_Code visit(_Unwind_Context* context, void* data) {
  auto& walk = *static_cast<Walk*>(data);
  const std::uintptr_t address = _Unwind_GetIP(context);
  if (address == 0) return _URC_END_OF_STACK;
  // The walk begins with this file's own frames.
  walk.begun = walk.begun || _Unwind_GetCFA(context) == walk.first_stack;
  if (!walk.begun) return _URC_NO_REASON;
  if (++walk.steps > kMaxSteps) return _URC_END_OF_STACK;
  if (walk.own.contains(address - 1)) return _URC_NO_REASON;
  const bool more = walk.builder.add(address, [address] { return key_of(address); });
  return more ? _URC_NO_REASON : _URC_END_OF_STACK;
}

}  // namespace

[[gnu::noinline]] CallSite walk_by_unwinder(std::uintptr_t first_stack) {
  Walk walk;
  walk.first_stack = first_stack;
  walk.own = own_module();
  _Unwind_Backtrace(&visit, &walk);
  return walk.builder.finished();
}

}  // namespace terrace::sites
