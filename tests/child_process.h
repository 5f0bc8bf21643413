// SPDX-License-Identifier: Apache-2.0
// A forked child that a test waits for at once. One thread; allocates nothing of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace terrace::testing_support {

/// Runs body() in a child, which ends by _exit() with its result. The child's status as waitpid()
/// has it: 0 when that was 0; -1 when there was no child.
template <typename Body>
int status_of_child(Body body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

}  // namespace terrace::testing_support
