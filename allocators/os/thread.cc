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
#include "allocators/os/keep_errno.h"

namespace terrace::os {

namespace {

int create_thread(void* (*body)(void*), void* argument, const char* name, int detach_state,
                  pthread_t& thread) {
  if (const int error = injected_error(SystemCall::kThreadCreate); error != 0) return error;
  const KeepErrno keep;  // naming a thread that is gone already sets it
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, detach_state);
  pthread_attr_setstacksize(&attributes, 256u << 10);
  // The new thread inherits the mask: the program's signals are never delivered to it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &attributes, body, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_setname_np(thread, name);
  return error;
}

}  // namespace

int start_thread(void* (*body)(void*), void* argument, const char* name) {
  pthread_t thread;
  return create_thread(body, argument, name, PTHREAD_CREATE_DETACHED, thread);
}

int JoinedThread::start(void* (*body)(void*), void* argument, const char* name) {
  const int error = create_thread(body, argument, name, PTHREAD_CREATE_JOINABLE, thread_);
  running_ = error == 0;
  return error;
}

void JoinedThread::join() {
  if (!running_) return;
  int before = 0;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  // Fails only for a thread that is none or is this one.
  [[maybe_unused]] const int error = pthread_join(thread_, nullptr);
  pthread_setcancelstate(before, nullptr);
  running_ = false;
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
