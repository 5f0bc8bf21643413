// SPDX-License-Identifier: Apache-2.0
// Who may use or change which tensor when: a tensor in use or pinned is not moved, one that is
// moved is waited for.
#include "tiering/capi/context.h"

namespace terrace::capi {

/// Waits as one whom jobs let go first.
template <typename Ready>
void Context::wait_for_tensor(Tensor& tensor, std::unique_lock<std::mutex>& lock, Ready ready) {
  ++tensor.wanted;
  changed_.wait(lock, ready);
  --tensor.wanted;
  if (tensor.wanted == 0) work_there_.notify_one();
}

terrace_status Context::begin_use(Tensor& tensor) {
  std::unique_lock lock(control_);
  wait_for_tensor(tensor, lock, [&] { return !tensor.moving || tensor.ended; });
  if (tensor.ended) return fail_freed();
  ++tensor.users;
  return TERRACE_OK;
}

void Context::end_use(Tensor& tensor) {
  const std::lock_guard lock(control_);
  --tensor.users;
  changed_.notify_all();
  work_there_.notify_one();
}

terrace_status Context::begin_change(Tensor& tensor) {
  std::unique_lock lock(control_);
  const auto ready = [&] {
    return tensor.ended || tensor.pins != 0 || (!tensor.moving && tensor.users == 0);
  };
  wait_for_tensor(tensor, lock, ready);
  if (tensor.ended) return fail_freed();
  if (tensor.pins != 0) {
    return fail(TERRACE_BUSY, "the tensor is pinned %u times; unpin it first", tensor.pins);
  }
  tensor.moving = true;
  return TERRACE_OK;
}

void Context::end_change(Tensor& tensor) {
  const std::lock_guard lock(control_);
  tensor.moving = false;
  changed_.notify_all();
  work_there_.notify_one();
}

terrace_status Context::pin(const TensorRef& tensor) {
  std::unique_lock lock(control_);
  if (tensor->ended) return fail_freed();
  ++tensor->pins;
  changed_.wait(lock, [&] { return !tensor->moving; });
  return TERRACE_OK;
}

terrace_status Context::unpin(const TensorRef& tensor) {
  const std::lock_guard lock(control_);
  if (tensor->pins == 0) return fail(TERRACE_BAD_ARGUMENT, "the tensor is not pinned");
  if (tensor->owned && tensor->pins == 1) {
    return fail(TERRACE_BUSY, "the tensor is a KV-cache's, which terrace_kv_close() ends");
  }
  --tensor->pins;
  work_there_.notify_one();
  return TERRACE_OK;
}

}  // namespace terrace::capi
