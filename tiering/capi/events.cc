// SPDX-License-Identifier: Apache-2.0
// Events: posted by whoever causes them, told to the program's handler by the context's thread.
#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

constexpr std::size_t kMostEvents = 1024;

}  // namespace

void Context::post(const terrace_event& event) {
  const std::lock_guard lock(control_);
  if (handler_ == nullptr) return;
  if (events_.size() == kMostEvents) {
    dropped_events_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  events_.push_back(event);
  work_there_.notify_one();
}

void Context::deliver(std::unique_lock<std::mutex>& lock) {
  const terrace_event event = events_.front();
  events_.pop_front();
  const terrace_event_handler handler = handler_;
  void* const user = handler_user_;
  in_handler_ = true;
  lock.unlock();
  handler(user, &event);
  lock.lock();
  in_handler_ = false;
  changed_.notify_all();
}

terrace_status Context::set_event_handler(terrace_event_handler handler, void* user) {
  std::unique_lock lock(control_);
  if (stopping_) return fail(TERRACE_BAD_HANDLE, "the context is being closed");
  if (handler != nullptr) start_worker();
  handler_ = handler;
  handler_user_ = user;
  if (handler == nullptr) events_.clear();
  if (!is_own_thread()) changed_.wait(lock, [&] { return !in_handler_; });
  return TERRACE_OK;
}

}  // namespace terrace::capi
