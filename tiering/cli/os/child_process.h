// SPDX-License-Identifier: Apache-2.0
// Starts a program, passes signals on to it and waits for it: what run and record wrap.
// Not thread-safe: signal masks and fork are matters of the whole process, which must have one
// thread here. Allocates before the fork only.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::cli::os {

/// While it lives, the signals that run_program passes on wait instead of ending this process, so
/// that what was borrowed for the program is given back. What came after the program's end takes
/// effect when this goes: make it before the first thing that has to be tidied up.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  const sigset_t& held() const { return held_; }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_;
  sigset_t before_{};
};

struct ProgramStart {
  std::vector<std::string> command;      ///< name, looked up in PATH, then arguments
  std::vector<std::string> environment;  ///< "NAME=value", the whole of it
  /// Called with the program's process id about every 20 ms while it runs; empty: nothing is. Here
  /// and not in a thread, since this process must have one.
  std::function<void(pid_t)> look = {};
};

struct ProgramEnd {
  int exit_code = 0;  ///< the program's own, or 128 + signal
  pid_t pid = 0;
  bool ran = false;     ///< false: it could not be started, exit_code is 126 or 127
  int start_errno = 0;  ///< why it could not be started
};

/// Runs the program to its end. SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT and SIGWINCH
/// are passed on; SIGINT and SIGQUIT are passed on when a process sent them, and left alone when
/// the terminal did, since it tells the program too. So the caller always gets to tidy up. Error
/// kIo: no process could be made (the message says why).
Result<ProgramEnd> run_program(const ProgramStart& start, const HeldSignals& signals);

/// Waits for one of the held signals, up to `patience`: true for SIGINT, SIGQUIT, SIGTERM and
/// SIGHUP; the others are dropped.
bool end_was_asked(const HeldSignals& signals, Nanoseconds patience);

/// The caller's environment as "NAME=value".
std::vector<std::string> current_environment();

}  // namespace terrace::cli::os
