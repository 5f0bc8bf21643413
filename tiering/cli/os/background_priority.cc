// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/background_priority.h"

#include <sched.h>
#include <sys/resource.h>

namespace terrace::cli::os {

void run_in_background() {
  const sched_param none{};
  // On Linux both are of the calling thread alone.
  if (::sched_setscheduler(0, SCHED_BATCH, &none) != 0) return;
  // A refusal, as the other before it, leaves the thread at its priority: it works all the same.
  (void)::setpriority(PRIO_PROCESS, 0, 19);
}

}  // namespace terrace::cli::os
