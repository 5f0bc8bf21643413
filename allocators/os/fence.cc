// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/fence.h"

#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>

#include "allocators/os/clock.h"
#include "allocators/os/fault_point.h"

namespace terrace::os {
namespace {

constexpr int kHelperFlags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                             CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
constexpr std::size_t kSignalMaskBytes = 8;  // the kernel's, not libc's sigset_t

void collect(const UserFault& faults, Waiting& waiting) {
  FaultEvent events[16];
  for (int count = faults.read_events(events, 16); count > 0;
       count = faults.read_events(events, 16)) {
    for (int i = 0; i < count; ++i) {
      if (events[i].kind != FaultKind::kMoved) waiting.add(events[i].address);
    }
  }
}

}  // namespace

/// Shares the caller's thread-local storage: the only thing it may touch there is errno, which the
/// caller does not look at meanwhile. The sanitizers' run-time libraries know nothing of it.
__attribute__((no_sanitize("address", "thread", "undefined"))) int FenceMove::help(void* self) {
  auto* const move = static_cast<FenceMove*>(self);
  const std::uint64_t one = 1;
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  move->began_.value = static_cast<std::uint64_t>(now.tv_sec) * 1000000000u +
                       static_cast<std::uint64_t>(now.tv_nsec);
  if (syscall(SYS_mremap, move->from_, move->size_.value, move->size_.value,
              MREMAP_MAYMOVE | MREMAP_FIXED, move->to_) == -1) {
    move->error_ = errno;
  }
  syscall(SYS_write, move->done_, &one, sizeof one);
  return 0;
}

int FenceMove::start() {
  if (const int error = injected_error(SystemCall::kThreadCreate); error != 0) return error;
  done_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (done_ < 0) return errno;
  // A signal's handler must not run on the helper: it would share this thread's storage.
  const std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t before = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, kSignalMaskBytes);
  const int started =
      clone(help, stack_ + kStackBytes, kHelperFlags, this, &thread_, nullptr, &thread_);
  const int error = started < 0 ? errno : 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, kSignalMaskBytes);
  return error;
}

int FenceMove::run(const UserFault& faults, void* from, Bytes size, void* to, Waiting& waiting) {
  if (const int error = injected_error(SystemCall::kMremap); error != 0) return error;
  from_ = from;
  size_ = size;
  to_ = to;
  const int saved = errno;
  int error = start();
  pollfd sources[2] = {{faults.descriptor(), POLLIN, 0}, {done_, POLLIN, 0}};
  while (error == 0 && (sources[1].revents & POLLIN) == 0) {
    ppoll(sources, 2, nullptr, nullptr);
    collect(faults, waiting);
  }
  errno = saved;
  return error != 0 ? error : error_;
}

FenceMove::~FenceMove() {
  const int saved = errno;
  // Not a private futex: the kernel's wake at a thread's end is none.
  for (int thread = thread_.load(); thread != 0; thread = thread_.load()) {
    syscall(SYS_futex, &thread_, FUTEX_WAIT, thread, nullptr, nullptr, 0);
  }
  if (done_ >= 0) ::close(done_);
  errno = saved;
}

}  // namespace terrace::os
