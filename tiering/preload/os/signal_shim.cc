// SPDX-License-Identifier: Apache-2.0
// sigaction and signal as the program sees them. Only SIGBUS is looked at: while memory errors are
// mended (allocators/os/memory_error), the program's action for it stands behind ours and is told
// as if it were alone. Programs that set it by other ways (sigset, the system call itself) take
// ours away, which costs them the mending and nothing else.
// Thread-safe and async-signal-safe, allocates nothing.
#include <csignal>

#include "allocators/os/bus_signal.h"
#include "tiering/preload/export.h"
#include "tiering/preload/next_heap.h"

using terrace::preload::call;
using terrace::preload::next;

extern "C" {

TERRACE_EXPORT int sigaction(int number, const struct sigaction* action,
                             struct sigaction* previous) noexcept {
  if (number != SIGBUS) return call(next.set_action, number, action, previous);
  return terrace::os::set_program_bus_action(action, previous);
}

TERRACE_EXPORT __sighandler_t signal(int number, __sighandler_t handler) noexcept {
  if (number != SIGBUS || handler == SIG_ERR) return call(next.signal, number, handler);
  // BSD's semantics, which are glibc's: restarts, the signal itself blocked, not reset.
  struct sigaction action {};
  struct sigaction previous {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaddset(&action.sa_mask, SIGBUS);
  if (terrace::os::set_program_bus_action(&action, &previous) != 0) return SIG_ERR;
  return previous.sa_handler;
}

// What the rest of this library calls: never our own entry point. The name is the linker's.
int __wrap_sigaction(int number, const struct sigaction* action, struct sigaction* previous) {
  return call(next.set_action, number, action, previous);
}

}  // extern "C"
