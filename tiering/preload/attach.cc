// SPDX-License-Identifier: Apache-2.0
// Ties the runtime's life to the process: start in a constructor, stop in a destructor, brackets
// around fork. The process is served before the first and after the second: nothing that malloc
// needs is set up here or torn down.
#include <pthread.h>

#include "tiering/preload/next_heap.h"
#include "tiering/preload/os/kernel.h"
#include "tiering/preload/os/memory_tool.h"
#include "tiering/preload/reentry_guard.h"
#include "tiering/runtime/lifecycle.h"

namespace terrace::preload {
namespace {

constinit bool started = false;

// Between these the runtime is locked by this thread, and fork handlers of other libraries may run:
// what they allocate must not become an object.
void before_fork() {
  inside_placement = true;
  runtime::before_fork();
}

void after_fork_in_parent() {
  runtime::after_fork_in_parent();
  inside_placement = false;
}

void after_fork_in_child() {
  runtime::after_fork_in_child();
  inside_placement = false;
  refresh_thresholds();
}

[[gnu::constructor]] void attach() {
  resolve_next_heap();
  // Whoever started a program that runs with more rights than he has must not steer its memory.
  if (os::secure_process()) return;
  ReentryGuard guard;
  if (const char* tool = os::memory_tool(); tool != nullptr) {
    runtime::decline(tool);
    return;
  }
  runtime::start();
  started = true;
  pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_child);
  refresh_thresholds();
}

[[gnu::destructor]] void detach() {
  if (!started) return;
  ReentryGuard guard;
  runtime::stop();
  refresh_thresholds();
}

}  // namespace
}  // namespace terrace::preload
