// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/clock.h"

#include <time.h>
#include <cerrno>

namespace terrace::os {
namespace {

Nanoseconds read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return Nanoseconds(static_cast<std::uint64_t>(now.tv_sec) * 1000000000u +
                     static_cast<std::uint64_t>(now.tv_nsec));
}

}  // namespace

Nanoseconds monotonic_now() {
  return read_clock(CLOCK_MONOTONIC);
}
Nanoseconds realtime_now() {
  return read_clock(CLOCK_REALTIME);
}
Nanoseconds thread_cpu_now() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
void sleep_for(Nanoseconds span) {
  timespec left{static_cast<time_t>(span.value / 1000000000u),
                static_cast<long>(span.value % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
  }
}

Nanoseconds process_cpu_now() {
  return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}
void relax() {
  __builtin_ia32_pause();
}

}  // namespace terrace::os
