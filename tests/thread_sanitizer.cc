// SPDX-License-Identifier: Apache-2.0
// What the thread sanitizer must not do in the tests that link this; it asks at the start.
extern "C" [[gnu::visibility("default")]] const char* __tsan_default_suppressions();
extern "C" [[gnu::visibility("default")]] const char* __tsan_default_options();

const char* __tsan_default_suppressions() {
  // What another thread did before a fork is nobody's in the child.
  return "race:terrace::control::os::StatusSocket::close\n";
}

// What ends by a signal on purpose must end by it, and children of a fork start threads.
const char* __tsan_default_options() {
  return "handle_segv=0:handle_sigbus=0:die_after_fork=0";
}
