// SPDX-License-Identifier: Apache-2.0
// Background threads of the runtime inside another program: all signals blocked, small stack, and
// a way to sleep that another thread can end. Never allocates from the heap by itself (libc maps
// the stack).
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

/// Starts a detached thread named `name` (15 characters at most). An errno value.
int start_thread(void* (*body)(void*), void* argument, const char* name);

/// A thread that ends before its owner goes on: for work that is shared out within one call.
/// Signals and stack are as above.
class JoinedThread {
 public:
  JoinedThread() = default;
  JoinedThread(const JoinedThread&) = delete;
  JoinedThread& operator=(const JoinedThread&) = delete;
  ~JoinedThread() { join(); }
  /// An errno value; then there is nothing to wait for.
  int start(void* (*body)(void*), void* argument, const char* name);
  /// Started, and not joined yet.
  bool is_running() const { return running_; }
  /// Returns when the thread is gone, at once when there is none. Is no cancellation point.
  void join();

 private:
  pthread_t thread_{};
  bool running_ = false;
};

/// Tells the kernel that this thread wants its timers on time (default slack is 50 us).
void precise_timers();

/// A futex word that one thread sleeps on.
class Doorbell {
 public:
  constexpr Doorbell() = default;
  /// Sleeps until ring() or `timeout`; returns at once when rung since the last wait.
  void wait(Nanoseconds timeout);
  void ring();

 private:
  std::atomic<std::uint32_t> rung_{0};
};

}  // namespace terrace::os
