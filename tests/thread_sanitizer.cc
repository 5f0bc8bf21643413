// SPDX-License-Identifier: Apache-2.0
// What the thread sanitizer must not report in the tests that link this. Read by it at the start.
extern "C" const char* __tsan_default_suppressions() {
  // A page is copied while the program may write to it, and again when it did: the protection of
  // pages tells, which the sanitizer does not know of.
  return "race:terrace::extent::PreCopy::copy_pages\n"
         // What another thread did before a fork is nobody's in the child.
         "race:terrace::control::os::StatusSocket::close\n";
}
