// SPDX-License-Identifier: Apache-2.0
// Takes what processors, and hypervisors with page tables of their own, know of this process's
// translations: a fork write-protects private memory and flushes them. The kernel does not when it
// clears referenced bits, and what is still known is touched without setting them again.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace terrace::sources {

inline void forget_translations() {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
}

}  // namespace terrace::sources
