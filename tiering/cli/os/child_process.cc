// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "tiering/cli/os/file_descriptor.h"

namespace terrace::cli::os {
namespace {

constexpr int kPassedOn[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH};
constexpr int kPassedOnUnlessFromTerminal[] = {SIGINT, SIGQUIT};
constexpr int kCannotRun = 126;
constexpr int kNotFound = 127;
constexpr timespec kLookEvery = {0, 20'000'000};

sigset_t signals_to_hold() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  for (const int signal : kPassedOn) sigaddset(&set, signal);
  for (const int signal : kPassedOnUnlessFromTerminal) sigaddset(&set, signal);
  return set;
}

/// Ignored SIGCHLD would make the kernel reap the program without telling its status.
class DefaultChildSignal {
 public:
  DefaultChildSignal() {
    struct sigaction plain = {};
    plain.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &plain, &before_);
  }
  ~DefaultChildSignal() { restore(); }
  DefaultChildSignal(const DefaultChildSignal&) = delete;
  DefaultChildSignal& operator=(const DefaultChildSignal&) = delete;
  void restore() const { sigaction(SIGCHLD, &before_, nullptr); }

 private:
  struct sigaction before_ = {};
};

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void become(char* const* command, char* const* environment, int report_fd) {
  execvpe(command[0], command, environment);
  const int why = errno;
  // The pipe is empty, so these four bytes go in whole; a lost report shows as exit code 126.
  const ssize_t written = write(report_fd, &why, sizeof why);
  _exit(written == sizeof why ? (why == ENOENT ? kNotFound : kCannotRun) : kCannotRun);
}

/// 0 when exec closed the pipe, errno of the exec otherwise.
int read_report(int fd) {
  int why = 0;
  ssize_t got = 0;
  do {
    got = read(fd, &why, sizeof why);
  } while (got < 0 && errno == EINTR);
  return got == sizeof why ? why : 0;
}

bool from_terminal(const siginfo_t& info) {
  const bool terminal_signal = info.si_signo == SIGINT || info.si_signo == SIGQUIT;
  return terminal_signal && info.si_code == SI_KERNEL;
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Until the program ends, passes each signal on. The program cannot be confused with another of
/// the same number: it stays ours until waitpid has taken it.
Result<int> wait_for(pid_t pid, const sigset_t& held, const std::function<void(pid_t)>& look) {
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) return exit_code_of(status);
    if (ended < 0 && errno != EINTR)
      return make_error(ErrorCode::kIo, errno, "waiting for process %d: %s", static_cast<int>(pid),
                        std::strerror(errno));
    siginfo_t info;
    if (look) look(pid);
    const int got = look ? sigtimedwait(&held, &info, &kLookEvery) : sigwaitinfo(&held, &info);
    if (got < 0) continue;  // EINTR: a stop and a continue; EAGAIN: time to look
    // A failing kill means that the program has just ended, which the next round sees.
    if (info.si_signo != SIGCHLD && !from_terminal(info)) kill(pid, info.si_signo);
  }
}

}  // namespace

HeldSignals::HeldSignals() : held_(signals_to_hold()) {
  sigprocmask(SIG_BLOCK, &held_, &before_);
}

HeldSignals::~HeldSignals() {
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Result<ProgramEnd> run_program(const ProgramStart& start, const HeldSignals& signals) {
  const std::vector<char*> command = pointers_to(start.command);
  const std::vector<char*> environment = pointers_to(start.environment);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return make_error(ErrorCode::kIo, errno, "pipe2: %s", std::strerror(errno));
  FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  const DefaultChildSignal child_signal;
  const pid_t pid = fork();
  if (pid < 0)
    return make_error(ErrorCode::kIo, errno, "fork: %s; is the process limit reached (ulimit -u)?",
                      std::strerror(errno));
  if (pid == 0) {
    child_signal.restore();
    sigprocmask(SIG_SETMASK, &signals.before(), nullptr);
    become(command.data(), environment.data(), write_end.get());
  }
  write_end.reset();
  ProgramEnd end;
  end.pid = pid;
  end.start_errno = read_report(read_end.get());
  end.ran = end.start_errno == 0;
  const Result<int> code = wait_for(pid, signals.held(), start.look);
  if (!code.ok()) return code.error();
  end.exit_code = *code;
  return end;
}

bool end_was_asked(const HeldSignals& signals, Nanoseconds patience) {
  const timespec time{static_cast<time_t>(patience.value / 1'000'000'000),
                      static_cast<long>(patience.value % 1'000'000'000)};
  const int got = sigtimedwait(&signals.held(), nullptr, &time);
  return got == SIGINT || got == SIGQUIT || got == SIGTERM || got == SIGHUP;
}

std::vector<std::string> current_environment() {
  std::vector<std::string> variables;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) variables.emplace_back(*at);
  return variables;
}

}  // namespace terrace::cli::os
