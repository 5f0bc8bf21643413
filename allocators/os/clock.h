// SPDX-License-Identifier: Apache-2.0
// Time, as the runtime's threads need it. Thread-safe, never allocates.
#pragma once

#include <terrace/units.h>

namespace terrace::os {

/// CLOCK_MONOTONIC; about 25 ns, no system call where the vDSO serves it.
Nanoseconds monotonic_now();
/// CLOCK_REALTIME since the epoch.
Nanoseconds realtime_now();
/// CPU time of the calling thread.
Nanoseconds thread_cpu_now();
/// CPU time of all threads of the process.
Nanoseconds process_cpu_now();
/// Sleeps this long; a signal does not end it.
void sleep_for(Nanoseconds span);
/// A hint to the core inside a spin loop.
void relax();

}  // namespace terrace::os
