// SPDX-License-Identifier: Apache-2.0
// SIGBUS in a process that is not ours: our handler stands before the program's own, and what it
// cannot mend reaches the program as if we were not there. The kernel runs our handler with the
// flags and the mask of the program's action (stack, restarts, what is blocked), so the program's
// handler is called in the surroundings it asked for. Used by memory_error.cc; the preload shim's
// sigaction and signal come here for SIGBUS.
// Thread-safe and async-signal-safe, never allocates.
#pragma once

#include <csignal>

#include <terrace/units.h>

namespace terrace::os {

/// An access that the kernel could not serve, or a page that it found broken.
struct BusError {
  const void* at = nullptr;
  Bytes extent;  ///< what was lost around `at`, as far as the kernel tells; else one page
};

/// True: mended, the access may be made again. Runs in the signal handler.
using MendBusError = bool (*)(const BusError& error);

/// Puts the handler before whatever the program has, now or again; a program that ignores SIGBUS is
/// left alone. An errno value.
int take_bus_signal(MendBusError mend);

/// sigaction(SIGBUS, ...) as the program calls it: -1 with errno, or 0.
int set_program_bus_action(const struct sigaction* next, struct sigaction* previous);

/// In a fork's child: a change that another thread had under way is nobody's.
void bus_signal_in_child();

}  // namespace terrace::os
