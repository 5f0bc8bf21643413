// SPDX-License-Identifier: Apache-2.0
// What the entry points have in common: a handle leads to its context and thing, or the call ends
// there. Thread-safe; allocates nothing of its own.
#pragma once

#include "tiering/capi/context.h"
#include "tiering/capi/failure.h"
#include "tiering/capi/registry.h"
#include "tiering/capi/structs.h"

namespace terrace::capi {

/// Runs body(context): the context itself, or that of the thing that the handle stands for.
template <typename Handle, typename Body>
terrace_status in_context(Handle handle, Body body) {
  return guarded([&]() -> terrace_status {
    const Entered context(handle.id, kind_of(handle));
    return context ? body(*context) : fail_handle(handle.id, kind_of(handle));
  });
}

/// Runs body(context, thing): the tensor, job, KV-cache or sequence, which stays until it returns.
template <typename Handle, typename Body>
terrace_status with(Handle handle, Body body) {
  return in_context(handle, [&](Context& context) -> terrace_status {
    const auto thing = context.find(handle);
    return thing != nullptr ? body(context, thing) : fail_ended(handle.id, kind_of(handle));
  });
}

}  // namespace terrace::capi
