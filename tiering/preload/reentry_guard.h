// SPDX-License-Identifier: Apache-2.0
// Marks that this thread is inside the placement, so that whatever the placement calls in turn
// (unwinder, thread creation, an allocation by libc) takes its ordinary way and no object is made
// of it. Read only on the slow paths, never by a small malloc or free.
// One initial-exec thread-local byte: no look-up, no allocation, valid until the thread is gone.
#pragma once

namespace terrace::preload {

[[gnu::visibility("hidden")]] extern constinit thread_local bool inside_placement;

class ReentryGuard {
 public:
  ReentryGuard() : outer_(inside_placement) { inside_placement = true; }
  ~ReentryGuard() { inside_placement = outer_; }
  ReentryGuard(const ReentryGuard&) = delete;
  ReentryGuard& operator=(const ReentryGuard&) = delete;

 private:
  bool outer_;
};

}  // namespace terrace::preload
