// SPDX-License-Identifier: Apache-2.0
// What a program sees of its own SIGBUS. bus_signal_test.cc runs each case without the shim, which
// proves the case, and then under it with materialised weights, when our handler stands before the
// program's. The errors here are none of ours: accesses beyond the end of the program's own file.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "tests/unit/runtime/program.h"

namespace terrace::e2e {
namespace {

constexpr std::size_t kWeights = 20 * kMiB;

/// After this our handler is there, where there is a shim.
void materialise() {
  const int fd = open(std::getenv("TERRACE_TEST_FILE"), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  REQUIRE(mmap(nullptr, kWeights, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED);
  close(fd);
}

/// A page whose access raises SIGBUS with BUS_ADRERR.
char* beyond_the_end() {
  const int fd = static_cast<int>(syscall(SYS_memfd_create, "short", 0));
  REQUIRE(fd >= 0 && ftruncate(fd, 8192) == 0);
  void* mapped = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REQUIRE(mapped != MAP_FAILED && ftruncate(fd, 4096) == 0);
  close(fd);
  return static_cast<char*>(mapped) + 4096;
}

volatile sig_atomic_t calls = 0;
siginfo_t seen;
sigset_t mask_inside;
void* stack_inside = nullptr;
sigjmp_buf back;

void take(int number, siginfo_t* info, void* context) {
  REQUIRE(number == SIGBUS && context != nullptr);
  REQUIRE(errno == 77);
  calls = calls + 1;
  seen = *info;
  int local = 0;
  stack_inside = &local;
  sigprocmask(SIG_SETMASK, nullptr, &mask_inside);
  siglongjmp(back, 1);
}

void take_plain(int number) {
  REQUIRE(number == SIGBUS);
  calls = calls + 1;
  sigprocmask(SIG_SETMASK, nullptr, &mask_inside);
  siglongjmp(back, 1);
}

void touch(char* at) {
  errno = 77;
  if (sigsetjmp(back, 1) == 0) *static_cast<volatile char*>(at) = 1;
}

struct sigaction with_info(int flags) {
  struct sigaction action {};
  action.sa_sigaction = &take;
  action.sa_flags = flags | SA_SIGINFO;
  return action;
}

/// Ends as a child that runs `body` does.
template <typename Body>
int status_of_child(Body body) {
  const int pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return status;
}

void expect_one_call_at(const char* at) {
  REQUIRE(calls == 1);
  REQUIRE(seen.si_signo == SIGBUS && seen.si_code == BUS_ADRERR && seen.si_addr == at);
  calls = 0;
}

}  // namespace

void handler_from_before() {
  const auto action = with_info(0);
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  materialise();
  char* const at = beyond_the_end();
  touch(at + 5);
  expect_one_call_at(at + 5);
  REQUIRE(sigismember(&mask_inside, SIGBUS) == 1);
  struct sigaction now {};
  REQUIRE(sigaction(SIGBUS, nullptr, &now) == 0);
  REQUIRE(now.sa_sigaction == &take && (now.sa_flags & SA_SIGINFO) != 0);
}

void handler_from_after() {
  materialise();
  struct sigaction before {};
  struct sigaction action = with_info(SA_NODEFER);
  sigaddset(&action.sa_mask, SIGUSR1);
  REQUIRE(sigaction(SIGBUS, &action, &before) == 0);
  REQUIRE(before.sa_handler == SIG_DFL && (before.sa_flags & SA_SIGINFO) == 0);
  char* const at = beyond_the_end();
  touch(at);
  expect_one_call_at(at);
  REQUIRE(sigismember(&mask_inside, SIGBUS) == 0 && sigismember(&mask_inside, SIGUSR1) == 1);
  struct sigaction now {};
  REQUIRE(sigaction(SIGBUS, &before, &now) == 0);
  REQUIRE(now.sa_sigaction == &take && sigismember(&now.sa_mask, SIGUSR1) == 1);
  REQUIRE((now.sa_flags & (SA_NODEFER | SA_SIGINFO | SA_ONSTACK | SA_RESETHAND)) ==
          (SA_NODEFER | SA_SIGINFO));
  REQUIRE(sigaction(SIGBUS, nullptr, &now) == 0 && now.sa_handler == SIG_DFL);
}

void handler_by_signal() {
  materialise();
  REQUIRE(signal(SIGBUS, &take_plain) == SIG_DFL);
  char* const at = beyond_the_end();
  touch(at);
  touch(at);
  REQUIRE(calls == 2 && sigismember(&mask_inside, SIGBUS) == 1);
  REQUIRE(signal(SIGBUS, SIG_IGN) == &take_plain);
  REQUIRE(raise(SIGBUS) == 0);  // ignored
  REQUIRE(signal(SIGBUS, &take_plain) == SIG_IGN);
  touch(at);
  REQUIRE(calls == 3);
  errno = 0;
  REQUIRE(signal(SIGBUS, SIG_ERR) == SIG_ERR && errno == EINVAL);
}

void handler_is_reset() {
  materialise();
  const auto action = with_info(static_cast<int>(SA_RESETHAND));
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  char* const at = beyond_the_end();
  touch(at);
  expect_one_call_at(at);
  struct sigaction now {};
  REQUIRE(sigaction(SIGBUS, nullptr, &now) == 0 && now.sa_handler == SIG_DFL);
  const int status = status_of_child([&] { *static_cast<volatile char*>(at) = 1; });
  REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

void handler_on_its_own_stack() {
  materialise();
  static char stack[64 << 10];
  const stack_t own{stack, 0, sizeof stack};
  REQUIRE(sigaltstack(&own, nullptr) == 0);
  char* const at = beyond_the_end();
  auto action = with_info(SA_ONSTACK);
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  touch(at);
  expect_one_call_at(at);
  REQUIRE(stack_inside >= stack && stack_inside < stack + sizeof stack);
  action = with_info(0);
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  touch(at);
  expect_one_call_at(at);
  REQUIRE(stack_inside < stack || stack_inside >= stack + sizeof stack);
}

void default_action_ends_it() {
  materialise();
  char* const at = beyond_the_end();
  int status = status_of_child([&] { *static_cast<volatile char*>(at) = 1; });
  REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  status = status_of_child([&] { raise(SIGBUS); });
  REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  status = status_of_child([&] { kill(getpid(), SIGBUS); });
  REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
  status =
      status_of_child([&] { std::thread([&] { *static_cast<volatile char*>(at) = 1; }).join(); });
  REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

void sent_signals_arrive_as_sent() {
  materialise();
  const auto action = with_info(0);
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  sigval value{};
  value.sival_int = 4711;
  errno = 77;
  if (sigsetjmp(back, 1) == 0) sigqueue(getpid(), SIGBUS, value);
  REQUIRE(calls == 1 && seen.si_code == SI_QUEUE && seen.si_value.sival_int == 4711);
  REQUIRE(seen.si_pid == getpid());
}

/// vfork's child shares our memory; what it sets is its own.
void child_of_vfork_changes_its_own() {
  materialise();
  const auto action = with_info(0);
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  const int pid = vfork();
  if (pid == 0) {
    struct sigaction to_default {};
    to_default.sa_handler = SIG_DFL;
    sigaction(SIGBUS, &to_default, nullptr);
    _exit(0);
  }
  REQUIRE(wait_for(pid) == 0);
  struct sigaction now {};
  REQUIRE(sigaction(SIGBUS, nullptr, &now) == 0 && now.sa_sigaction == &take);
  char* const at = beyond_the_end();
  touch(at);
  expect_one_call_at(at);
}

/// Another thread sets and asks while errors arrive: nobody hangs, nobody sees our handler.
void set_while_errors_arrive() {
  materialise();
  const auto action = with_info(0);
  REQUIRE(sigaction(SIGBUS, &action, nullptr) == 0);
  std::thread other([&] {
    for (int i = 0; i < 20000; ++i) {
      struct sigaction before {};
      REQUIRE(sigaction(SIGBUS, &action, &before) == 0);
      REQUIRE(before.sa_sigaction == &take);
    }
  });
  char* const at = beyond_the_end();
  for (int i = 0; i < 20000; ++i) touch(at);
  other.join();
  REQUIRE(calls == 20000);
}

}  // namespace terrace::e2e

namespace {

constexpr terrace::e2e::Case kCases[] = {
    TERRACE_CASE(handler_from_before),         TERRACE_CASE(handler_from_after),
    TERRACE_CASE(handler_by_signal),           TERRACE_CASE(handler_is_reset),
    TERRACE_CASE(handler_on_its_own_stack),    TERRACE_CASE(default_action_ends_it),
    TERRACE_CASE(sent_signals_arrive_as_sent), TERRACE_CASE(child_of_vfork_changes_its_own),
    TERRACE_CASE(set_while_errors_arrive),
};

}  // namespace

int main(int argc, char** argv) {
  return terrace::e2e::run_case(argc, argv, kCases, std::size(kCases));
}
