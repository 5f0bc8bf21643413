// SPDX-License-Identifier: Apache-2.0
// `terrace top` on pseudo-terminals, watching a real program under the shim: what is on the screen
// at several sizes and after resizing, keys, signals, and how it ends.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/small_terminal.h"

namespace terrace::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{20};

[[noreturn]] void become(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(99);
}

/// status_program under `terrace run`: ends when this does.
class WatchedProgram {
 public:
  WatchedProgram() {
    int said[2] = {};
    EXPECT_EQ(pipe2(hold_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(said, O_CLOEXEC), 0);
    runner_ = fork();
    if (runner_ == 0) {
      dup2(hold_[0], 0);
      dup2(said[1], 1);
      become(
          {TERRACE_CLI, "run", "--threshold", "1M", "--late-size", "4K", STATUS_PROGRAM, "object"});
    }
    close(said[1]);
    std::string line;
    for (char letter = 0; read(said[0], &letter, 1) == 1 && letter != '\n';) line += letter;
    close(said[0]);
    EXPECT_THAT(line, HasSubstr("ready "));
    pid_ = std::atoi(line.c_str() + line.find(' '));
  }
  ~WatchedProgram() { end(); }
  WatchedProgram(const WatchedProgram&) = delete;
  WatchedProgram& operator=(const WatchedProgram&) = delete;

  pid_t pid() const { return pid_; }
  void end() {
    if (runner_ < 0) return;
    close(hold_[0]);
    close(hold_[1]);
    waitpid(runner_, nullptr, 0);
    runner_ = -1;
  }

 private:
  int hold_[2] = {-1, -1};
  pid_t runner_ = -1;
  pid_t pid_ = 0;
};

/// `terrace top` on a terminal of its own.
class Top {
 public:
  Top(std::vector<std::string> arguments, unsigned short columns, unsigned short rows,
      const char* type = "vt100")
      : screen_(columns, rows) {
    winsize size = {rows, columns, 0, 0};
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    setenv("TERM", type, 1);
    setenv("LC_ALL", "C", 1);
    arguments.insert(arguments.begin(), {TERRACE_CLI, "top"});
    become(arguments);
  }
  ~Top() {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    close(terminal_);
  }
  Top(const Top&) = delete;
  Top& operator=(const Top&) = delete;

  pid_t pid() const { return pid_; }
  int terminal() const { return terminal_; }
  const SmallTerminal& screen() const { return screen_; }
  const std::string& output() const { return output_; }
  std::string text() const {
    std::string text;
    for (const std::string& row : screen_.rows()) text += row + "\n";
    return text;
  }

  /// Reads on until the screen is as wanted; false: it did not come to be.
  bool shows(const std::function<bool(const std::vector<std::string>&)>& wanted) {
    const Clock::time_point end = Clock::now() + kPatience;
    while (Clock::now() < end) {
      if (wanted(screen_.rows())) return true;
      if (!take()) return wanted(screen_.rows());
    }
    return false;
  }
  bool shows(const std::string& part) {
    return shows(
        [&](const std::vector<std::string>&) { return text().find(part) != std::string::npos; });
  }
  void type(const char* keys) {
    EXPECT_EQ(write(terminal_, keys, std::string(keys).size()),
              static_cast<ssize_t>(std::string(keys).size()));
  }
  void resize(unsigned short columns, unsigned short rows) {
    winsize size = {rows, columns, 0, 0};
    screen_.resize(columns, rows);
    ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &size), 0);
    // The kernel has sent it too; a terminal program that forwards sizes sends it alone.
    kill(pid_, SIGWINCH);
  }
  /// Reads what is left; the exit code, or 128 and the signal.
  int ended() {
    const Clock::time_point end = Clock::now() + kPatience;
    while (take() && Clock::now() < end) {
    }
    int status = 0;
    if (waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  /// False at the end of the output.
  bool take() {
    pollfd input = {terminal_, POLLIN, 0};
    if (poll(&input, 1, 50) == 0) return true;
    char bytes[4096];
    const ssize_t count = read(terminal_, bytes, sizeof bytes);
    if (count <= 0) return false;
    output_.append(bytes, static_cast<std::size_t>(count));
    screen_.write({bytes, static_cast<std::size_t>(count)});
    return true;
  }

  SmallTerminal screen_;
  std::string output_;
  int terminal_ = -1;
  pid_t pid_ = -1;
};

std::vector<std::string> fast(pid_t pid) {
  return {std::to_string(pid), "--interval", "200ms"};
}

TEST(TopTerminal, ShowsTiersAndObjectsAndFollowsTheSize) {
  WatchedProgram program;
  Top top(fast(program.pid()), 80, 24);
  ASSERT_TRUE(top.shows("every 200ms; q quits")) << top.text();
  const std::string head = "status_program (pid " + std::to_string(program.pid()) + ") running";
  EXPECT_THAT(top.text(), HasSubstr(head));
  EXPECT_THAT(top.text(), HasSubstr("8.00 MiB"));
  EXPECT_THAT(top.text(), HasSubstr("make_object"));
  EXPECT_THAT(top.screen().rows()[23], HasSubstr("q quits"));

  top.resize(40, 12);
  ASSERT_TRUE(top.shows([&](const auto& rows) {
    return rows[0].starts_with("status_program") && rows[1].starts_with("tier") &&
           rows[2].find("8.00 MiB") != std::string::npos;
  })) << top.text();

  top.resize(20, 5);
  ASSERT_TRUE(top.shows([&](const auto& rows) {
    return rows[0] == "status_program (pi.." && rows[2].find("8.00 MiB") != std::string::npos;
  })) << top.text();

  top.resize(200, 60);
  ASSERT_TRUE(top.shows([&](const auto& rows) {
    return rows[0].starts_with(head) && rows[59] == "every 200ms; q quits";
  })) << top.text();
  EXPECT_THAT(top.text(), HasSubstr("make_object < "));
  EXPECT_EQ(top.screen().unknown(), "");
}

TEST(TopTerminal, AKeyEndsItAndTheTerminalIsAsBefore) {
  WatchedProgram program;
  Top top(fast(program.pid()), 80, 24);
  ASSERT_TRUE(top.shows("q quits"));
  termios during = {};
  ASSERT_EQ(tcgetattr(top.terminal(), &during), 0);
  EXPECT_EQ(during.c_lflag & (ECHO | ICANON), 0u);
  top.type("x");
  top.type("\x1b[A");
  top.type("q");
  termios after = {};
  EXPECT_EQ(top.ended(), 0);
  ASSERT_EQ(tcgetattr(top.terminal(), &after), 0);
  EXPECT_EQ(after.c_lflag & (ECHO | ICANON), static_cast<tcflag_t>(ECHO | ICANON));
}

TEST(TopTerminal, InterruptAndTerminationEndItLikeTheKey) {
  WatchedProgram program;
  for (const int signal : {SIGINT, SIGTERM}) {
    Top top(fast(program.pid()), 80, 24);
    ASSERT_TRUE(top.shows("q quits"));
    kill(top.pid(), signal);
    EXPECT_EQ(top.ended(), 0) << signal;
    termios after = {};
    ASSERT_EQ(tcgetattr(top.terminal(), &after), 0);
    EXPECT_NE(after.c_lflag & ECHO, 0u);
  }
}

TEST(TopTerminal, AStoppedProgramIsToldAndWatchedOn) {
  WatchedProgram program;
  Top top(fast(program.pid()), 100, 24);
  ASSERT_TRUE(top.shows("q quits"));
  kill(program.pid(), SIGSTOP);
  EXPECT_TRUE(top.shows("it is stopped")) << top.text();
  EXPECT_THAT(top.text(), HasSubstr("make_object"));
  kill(program.pid(), SIGCONT);
  EXPECT_TRUE(top.shows([&](const auto&) {
    return top.text().find("stopped") == std::string::npos;
  })) << top.text();
}

TEST(TopTerminal, SaysThatTheProgramEnded) {
  WatchedProgram program;
  Top top(fast(program.pid()), 80, 24);
  ASSERT_TRUE(top.shows("q quits"));
  program.end();
  EXPECT_EQ(top.ended(), 5);
  EXPECT_THAT(top.output(), HasSubstr("ended while it was watched"));
}

TEST(TopTerminal, ATerminalThatIsUnknownOrCannotDrawIsRefused) {
  WatchedProgram program;
  Top unknown(fast(program.pid()), 80, 24, "no-such-terminal");
  EXPECT_EQ(unknown.ended(), 3);
  EXPECT_THAT(unknown.output(), HasSubstr("is unknown here; use --once"));
  Top dumb(fast(program.pid()), 80, 24, "dumb");
  EXPECT_EQ(dumb.ended(), 3);
  EXPECT_THAT(dumb.output(), HasSubstr("cannot move its cursor"));
}

TEST(TopTerminal, ADisappearingTerminalEndsIt) {
  WatchedProgram program;
  pid_t pid = -1;
  {
    int terminal = -1;
    pid = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (pid == 0) {
      signal(SIGHUP, SIG_IGN);  // as under nohup
      setenv("TERM", "vt100", 1);
      become({TERRACE_CLI, "top", std::to_string(program.pid())});
    }
    char bytes[64];
    ASSERT_GT(read(terminal, bytes, sizeof bytes), 0);
    close(terminal);
  }
  // Readable once the process has ended (Linux 5.3).
  pollfd process{static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0};
  ASSERT_GE(process.fd, 0);
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  const int ended = poll(&process, 1, static_cast<int>(patience.count()));
  EXPECT_EQ(ended, 1) << "it goes on without a terminal";
  if (ended != 1) kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  close(process.fd);
}

}  // namespace
}  // namespace terrace::cli
