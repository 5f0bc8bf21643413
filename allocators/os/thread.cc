// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/thread.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

#include "allocators/os/fault_point.h"

namespace terrace::os {

int start_thread(void* (*body)(void*), void* argument, const char* name) {
  if (const int error = injected_error(SystemCall::kThreadCreate); error != 0) return error;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256u << 10);
  // The new thread inherits the mask: the program's signals are never delivered to it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, body, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_setname_np(thread, name);
  return error;
}

void precise_timers() {
  prctl(PR_SET_TIMERSLACK, 1000UL);
}

void Doorbell::wait(Nanoseconds timeout) {
  const int saved = errno;
  const timespec span{static_cast<time_t>(timeout.value / 1000000000u),
                      static_cast<long>(timeout.value % 1000000000u)};
  if (rung_.load(std::memory_order_acquire) == 0) {
    syscall(SYS_futex, &rung_, FUTEX_WAIT_PRIVATE, 0, &span, nullptr, 0);
  }
  rung_.store(0, std::memory_order_release);
  errno = saved;
}

void Doorbell::ring() {
  const int saved = errno;
  if (rung_.exchange(1, std::memory_order_acq_rel) == 0) {
    syscall(SYS_futex, &rung_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  errno = saved;
}

}  // namespace terrace::os
