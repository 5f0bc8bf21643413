// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/two_processors.h"

#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>

#include "allocators/os/fault_point.h"
#include "allocators/os/keep_errno.h"

namespace terrace::os {
namespace {

int set_affinity(const std::uint64_t* mask, unsigned bytes) {
  if (const int error = injected_error(SystemCall::kSetAffinity); error != 0) return error;
  const KeepErrno keep;
  return syscall(SYS_sched_setaffinity, 0, bytes, mask) == 0 ? 0 : errno;
}

}  // namespace

TwoProcessors::TwoProcessors() {
  const KeepErrno keep;
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof before_, before_);
  if (bytes <= 0) return;
  bytes_ = static_cast<unsigned>(bytes);
  unsigned here = 0;
  if (syscall(SYS_getcpu, &here, nullptr, nullptr) != 0 || here >= bytes_ * 8) return;
  first_ = second_ = here;
  unsigned count = 0;
  for (unsigned i = 0; i < bytes_ * 8; ++i) count += may_run_on(i) ? 1 : 0;
  if (count < 2) return;
  // A third of the way round: threads of one core, whose caches are one, are numbered side by side
  // or half of the way apart.
  unsigned steps = count / 3 > 0 ? count / 3 : 1;
  while (steps > 0) {
    second_ = (second_ + 1) % (bytes_ * 8);
    if (may_run_on(second_)) --steps;
  }
}

TwoProcessors::~TwoProcessors() {
  // Refused where the processors allowed have changed meanwhile, and then the kernel has chosen.
  if (first_ != second_) (void)set_affinity(before_, bytes_);
}

int TwoProcessors::move_to(unsigned processor) const {
  if (first_ == second_) return 0;
  std::uint64_t one[kWords] = {};
  one[processor / kBits] = std::uint64_t{1} << processor % kBits;
  return set_affinity(one, bytes_);
}

}  // namespace terrace::os
