// SPDX-License-Identifier: Apache-2.0
// What the entry points have in common: a handle leads to its context and thing, or the call ends
// there. Thread-safe.
#pragma once

#include "tiering/capi/context.h"
#include "tiering/capi/failure.h"
#include "tiering/capi/registry.h"
#include "tiering/capi/structs.h"

namespace terrace::capi {

[[nodiscard]] inline terrace_status fail_handle(std::uint64_t handle, const char* what) {
  return fail(TERRACE_BAD_HANDLE,
              "%#llx is no %s: never made, ended with its context, or another thing's handle",
              static_cast<unsigned long long>(handle), what);
}

/// Runs body(context).
template <typename Body>
terrace_status in_context(terrace_context handle, Body body) {
  return guarded([&]() -> terrace_status {
    const Entered context(handle.id, HandleKind::kContext);
    return context ? body(*context) : fail_handle(handle.id, "open context");
  });
}

/// Runs body(context, tensor).
template <typename Body>
terrace_status with_tensor(terrace_tensor handle, Body body) {
  return guarded([&]() -> terrace_status {
    const Entered context(handle.id, HandleKind::kTensor);
    if (!context) return fail_handle(handle.id, "tensor");
    TensorRef tensor;
    const terrace_status found = context->find_tensor(handle.id, tensor);
    return found == TERRACE_OK ? body(*context, tensor) : found;
  });
}

/// Runs body(context, job).
template <typename Body>
terrace_status with_job(terrace_job handle, Body body) {
  return guarded([&]() -> terrace_status {
    const Entered context(handle.id, HandleKind::kJob);
    if (!context) return fail_handle(handle.id, "job");
    JobRef job;
    const terrace_status found = context->find_job(handle.id, job);
    return found == TERRACE_OK ? body(*context, job) : found;
  });
}

/// Runs body(context, cache).
template <typename Body>
terrace_status with_kv(terrace_kv handle, Body body) {
  return guarded([&]() -> terrace_status {
    const Entered context(handle.id, HandleKind::kKv);
    if (!context) return fail_handle(handle.id, "KV-cache");
    KvRef cache;
    const terrace_status found = context->find_kv(handle.id, cache);
    return found == TERRACE_OK ? body(*context, cache) : found;
  });
}

/// Runs body(context, sequence).
template <typename Body>
terrace_status with_sequence(terrace_sequence handle, Body body) {
  return guarded([&]() -> terrace_status {
    const Entered context(handle.id, HandleKind::kSequence);
    if (!context) return fail_handle(handle.id, "sequence");
    KvSequenceRef sequence;
    const terrace_status found = context->find_sequence(handle.id, sequence);
    return found == TERRACE_OK ? body(*context, sequence) : found;
  });
}

[[nodiscard]] inline terrace_status fail_null(const char* what) {
  return fail(TERRACE_BAD_ARGUMENT, "%s: a null pointer", what);
}

}  // namespace terrace::capi
