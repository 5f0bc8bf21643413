// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/child_process.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tiering/cli/os/process_files.h"

namespace terrace::cli::os::child_process_test {
namespace {

Result<ProgramEnd> run(const std::vector<std::string>& command) {
  const HeldSignals signals;
  return run_program({command, current_environment()}, signals);
}

/// Holds a program that reads a line from it until the test lets it go.
class Hold {
 public:
  Hold() { EXPECT_EQ(pipe(ends_), 0); }
  ~Hold() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  /// As a shell's redirection.
  std::string input() const { return "</dev/fd/" + std::to_string(ends_[0]); }
  void let_go() {
    if (std::exchange(let_go_, true)) return;
    EXPECT_EQ(write(ends_[1], "\n", 1), 1);
  }

 private:
  int ends_[2] = {};
  bool let_go_ = false;
};

int exit_code(const std::vector<std::string>& command) {
  const auto end = run(command);
  return end.ok() ? end->exit_code : -1;
}

TEST(ChildProcess, ReturnsTheProgramsOwnCode) {
  EXPECT_EQ(exit_code({"true"}), 0);
  EXPECT_EQ(exit_code({"false"}), 1);
  EXPECT_EQ(exit_code({"sh", "-c", "exit 7"}), 7);
  EXPECT_EQ(exit_code({"sh", "-c", "exit 127"}), 127);
}

TEST(ChildProcess, Returns128PlusTheSignalThatEndedIt) {
  EXPECT_EQ(exit_code({"sh", "-c", "kill -TERM $$"}), 128 + SIGTERM);
  EXPECT_EQ(exit_code({"sh", "-c", "kill -KILL $$"}), 128 + SIGKILL);
}

TEST(ChildProcess, TellsNotFoundFromNotExecutable) {
  const auto missing = run({"/nowhere/at/all"});
  ASSERT_TRUE(missing.ok());
  EXPECT_FALSE(missing->ran);
  EXPECT_EQ(missing->exit_code, 127);
  EXPECT_EQ(missing->start_errno, ENOENT);

  const auto folder = run({"/tmp"});
  ASSERT_TRUE(folder.ok());
  EXPECT_FALSE(folder->ran);
  EXPECT_EQ(folder->exit_code, 126);
  EXPECT_EQ(folder->start_errno, EACCES);
}

TEST(ChildProcess, PassesOnSignalsThatAProcessSent) {
  // The program signals its parent, which is this process, and ends by what comes back.
  for (const char* name : {"TERM", "HUP", "INT", "QUIT", "USR1"}) {
    const std::string script = std::string("trap 'exit 42' ") + name + "; kill -" + name +
                               " $PPID; while :; do read -r line < /proc/uptime; done";
    EXPECT_EQ(exit_code({"sh", "-c", script}), 42) << name;
  }
}

TEST(ChildProcess, GivesTheProgramItsSignalsAsTheyWere) {
  // SIGTERM would stay blocked if the mask of the waiting side had been inherited.
  EXPECT_EQ(exit_code({"sh", "-c", "grep -q '^SigBlk:.0*$' /proc/self/status"}), 0);
}

TEST(ChildProcess, HandsOverTheGivenEnvironment) {
  const HeldSignals signals;
  const auto end =
      run_program({{"/bin/sh", "-c", "test \"$ONLY\" = this"}, {"ONLY=this"}}, signals);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->exit_code, 0);
}

TEST(ChildProcess, LooksAtTheProgramWhileItRuns) {
  const HeldSignals signals;
  Hold hold;
  std::vector<pid_t> looked_at;
  const auto end = run_program({{"sh", "-c", "read -r line " + hold.input()},
                                current_environment(),
                                [&](pid_t pid) {
                                  looked_at.push_back(pid);
                                  if (looked_at.size() == 3) hold.let_go();
                                }},
                               signals);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->exit_code, 0);
  ASSERT_GE(looked_at.size(), 3u);
  for (const pid_t pid : looked_at) EXPECT_EQ(pid, end->pid);
}

TEST(ProcessFiles, ShowsOpenFilesAndChildren) {
  const HeldSignals signals;
  Hold hold;
  std::vector<std::string> files;
  std::vector<pid_t> children;
  int looks = 0;
  const auto end =
      run_program({{"sh", "-c", "exec 7</etc/hostname; head -n 1 " + hold.input() + "; true"},
                   current_environment(),
                   [&](pid_t pid) {
                     for (const std::string& file : open_files_of(pid)) files.push_back(file);
                     for (const pid_t child : children_of(pid)) children.push_back(child);
                     const bool opened = std::ranges::count(files, "/etc/hostname") > 0;
                     const bool seen = opened && !children.empty();
                     if (seen || ++looks == 100) hold.let_go();
                   }},
                  signals);
  ASSERT_TRUE(end.ok());
  EXPECT_THAT(files, testing::Contains("/etc/hostname"));
  EXPECT_FALSE(children.empty()) << "needs /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN)";
  EXPECT_TRUE(open_files_of(end->pid).empty()) << "it has ended";
}

}  // namespace
}  // namespace terrace::cli::os::child_process_test
