// SPDX-License-Identifier: Apache-2.0
// A mutex for code inside malloc: constant-initialised, trivially destructible, libc only.
// Not recursive. May be held across fork by the fork brackets of the runtime.
#pragma once

#include <pthread.h>

namespace terrace {

class Mutex {
 public:
  constexpr Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { pthread_mutex_lock(&native_); }
  void unlock() { pthread_mutex_unlock(&native_); }
  /// In a fork's child, where the owner may not exist any more.
  void reset_in_child() { native_ = PTHREAD_MUTEX_INITIALIZER; }

 private:
  pthread_mutex_t native_ = PTHREAD_MUTEX_INITIALIZER;
};

class LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace terrace
