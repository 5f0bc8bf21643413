// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/bus_signal.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "allocators/os/fault_point.h"

namespace terrace::os {
namespace {

constexpr Bytes kPage = KiB(4);

// The program's action. Written with all signals blocked, so that no handler of this thread can
// find a change half done; read by a sequence check, which waits for a writer on another thread.
constinit struct sigaction program_action {};
constinit std::atomic<std::uint32_t> sequence{0};  // odd while program_action changes
constinit std::atomic<MendBusError> mend_error{nullptr};
// vfork's child shares this memory but not the kernel's table of actions: only their owner changes
// them here.
constinit std::atomic<pid_t> owner{0};

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

/// One thread at a time changes the action.
class ActionChange {
 public:
  ActionChange() {
    for (;;) {
      std::uint32_t even = sequence.load(std::memory_order_relaxed) & ~1u;
      if (sequence.compare_exchange_weak(even, even + 1, std::memory_order_acq_rel)) return;
      sched_yield();
    }
  }
  ~ActionChange() { sequence.fetch_add(1, std::memory_order_release); }
  ActionChange(const ActionChange&) = delete;
  ActionChange& operator=(const ActionChange&) = delete;

 private:
  AllSignalsBlocked blocked_;  // first in, last out
};

struct sigaction read_program_action() {
  for (;;) {
    const std::uint32_t before = sequence.load(std::memory_order_acquire);
    struct sigaction copy = program_action;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && sequence.load(std::memory_order_relaxed) == before) return copy;
    sched_yield();
  }
}

bool is_default(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
}
bool is_ignored(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

/// The kernel's default action for a signal that it has delivered to us already: sent once more to
/// this thread with all that it said, it takes effect when our handler returns and the mask is as
/// before. The core then shows the access that failed, and the parent the right status.
void end_by_default(siginfo_t* info) {
  struct sigaction to_default {};
  to_default.sa_handler = SIG_DFL;
  sigaction(SIGBUS, &to_default, nullptr);
  // A thread may send itself any code (kernel/signal.c, do_rt_tgsigqueueinfo). Should a filter
  // refuse that, an access that failed fails again on return.
  syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGBUS, info);
}

void pass_on(int number, siginfo_t* info, void* context) {
  const struct sigaction action = read_program_action();
  if (is_default(action)) return end_by_default(info);
  if ((action.sa_flags & SA_RESETHAND) != 0) {
    struct sigaction to_default = action;
    to_default.sa_flags &= ~SA_SIGINFO;
    to_default.sa_handler = SIG_DFL;
    set_program_bus_action(&to_default, nullptr);
  }
  if ((action.sa_flags & SA_SIGINFO) != 0) return action.sa_sigaction(number, info, context);
  action.sa_handler(number);
}

/// Was it a fault of memory, and not a signal that somebody sent or a misaligned access?
bool is_memory_fault(const siginfo_t& info) {
  return info.si_code == BUS_ADRERR || info.si_code == BUS_OBJERR ||
         info.si_code == BUS_MCEERR_AR || info.si_code == BUS_MCEERR_AO;
}

BusError error_of(const siginfo_t& info) {
  BusError error{info.si_addr, kPage};
  const bool has_extent = info.si_code == BUS_MCEERR_AR || info.si_code == BUS_MCEERR_AO;
  if (has_extent && info.si_addr_lsb > 12 && info.si_addr_lsb < 40) {
    error.extent = Bytes(std::uint64_t{1} << info.si_addr_lsb);
  }
  return error;
}

void on_bus_signal(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  const MendBusError mend = mend_error.load(std::memory_order_acquire);
  const bool mended = is_memory_fault(*info) && mend != nullptr && mend(error_of(*info));
  errno = saved;
  if (!mended) pass_on(number, info, context);
}

bool is_ours(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &on_bus_signal;
}

/// Our handler in the surroundings that `program` asks for.
struct sigaction ours_for(const struct sigaction& program) {
  struct sigaction ours = program;
  ours.sa_sigaction = &on_bus_signal;
  ours.sa_flags = (program.sa_flags & ~SA_RESETHAND) | SA_SIGINFO;
  if (is_default(program)) {
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&ours.sa_mask);
  }
  return ours;
}

/// With the change under way. An errno value.
int put_before(const struct sigaction& program) {
  program_action = program;
  const struct sigaction ours = ours_for(program);
  return sigaction(SIGBUS, &ours, nullptr) == 0 ? 0 : errno;
}

}  // namespace

int take_bus_signal(MendBusError mend) {
  if (const int error = injected_error(SystemCall::kSigaction); error != 0) return error;
  const int saved = errno;
  int error = 0;
  {
    const ActionChange change;
    struct sigaction now {};
    if (sigaction(SIGBUS, nullptr, &now) != 0) error = errno;
    mend_error.store(mend, std::memory_order_release);
    owner.store(getpid(), std::memory_order_relaxed);
    if (error == 0 && !is_ours(now) && !is_ignored(now)) error = put_before(now);
  }
  errno = saved;
  return error;
}

int set_program_bus_action(const struct sigaction* next, struct sigaction* previous) {
  const bool here = owner.load(std::memory_order_relaxed) == getpid();
  if (!here || mend_error.load(std::memory_order_relaxed) == nullptr) {
    const int result = sigaction(SIGBUS, next, previous);
    // A child without our fork handlers still has our handler in the kernel.
    if (result == 0 && previous != nullptr && is_ours(*previous)) *previous = read_program_action();
    return result;
  }
  struct sigaction wanted {};
  if (next != nullptr) std::memcpy(&wanted, next, sizeof wanted);  // a bad address faults here
  struct sigaction now {};
  int error = 0;
  {
    const ActionChange change;
    if (sigaction(SIGBUS, nullptr, &now) != 0) error = errno;
    if (is_ours(now)) now = program_action;
    if (error == 0 && next != nullptr) {
      // What is ignored is inherited through exec, a handler is not: left to the kernel.
      if (is_ignored(wanted)) {
        error = sigaction(SIGBUS, &wanted, nullptr) == 0 ? 0 : errno;
      } else {
        error = put_before(wanted);
      }
    }
  }
  if (error == 0 && previous != nullptr) *previous = now;
  if (error != 0) errno = error;
  return error == 0 ? 0 : -1;
}

void bus_signal_in_child() {
  if (owner.load(std::memory_order_relaxed) == 0) return;
  sequence.store(0, std::memory_order_relaxed);
  owner.store(getpid(), std::memory_order_relaxed);
}

}  // namespace terrace::os
