// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/os/top_screen.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

// Last: it defines short names.
#include <ncurses.h>

namespace terrace::cli::os {
namespace {

volatile sig_atomic_t asked_to_end = 0;
sigset_t former_signals;

void ask_to_end(int) {
  asked_to_end = 1;
}

/// Before ncurses comes, which leaves signals alone that have a handler. They are blocked but in
/// wait(), so that none comes between a look at the flag and the wait.
void take_signals() {
  asked_to_end = 0;
  struct sigaction action = {};
  action.sa_handler = ask_to_end;
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : {SIGINT, SIGTERM}) {
    sigaction(signal, &action, nullptr);
    sigaddset(&held, signal);
  }
  sigaddset(&held, SIGWINCH);
  sigprocmask(SIG_BLOCK, &held, &former_signals);
}

void leave_signals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  sigprocmask(SIG_SETMASK, &former_signals, nullptr);
}

Error no_screen(const char* why) {
  const char* const name = getenv("TERM");
  return make_error(ErrorCode::kCapabilityMissing, 0,
                    "the terminal \"%.40s\" (TERM) %s; use --once, or a terminal that can",
                    name == nullptr ? "" : name, why);
}

bool can_move_its_cursor() {
  char capability[] = "cup";
  const char* const text = tigetstr(capability);
  return text != nullptr && text != reinterpret_cast<const char*>(-1);
}

int attributes_of(TopLine::Look look) {
  switch (look) {
    case TopLine::Look::kPlain:
      return A_NORMAL;
    case TopLine::Look::kTitle:
      return A_BOLD;
    case TopLine::Look::kWarning:
      return A_STANDOUT;
  }
  return A_NORMAL;
}

}  // namespace

Result<TopScreen> TopScreen::open() {
  if (isatty(STDOUT_FILENO) != 1 || isatty(STDIN_FILENO) != 1) {
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "standard input and output are not both a terminal; use --once, and with it "
                      "--json for programs");
  }
  setlocale(LC_CTYPE, "");
  take_signals();
  // initscr() would end the process for a terminal that it does not know.
  if (newterm(nullptr, stdout, stdin) == nullptr) {
    leave_signals();
    return no_screen("is unknown here");
  }
  TopScreen screen;
  screen.open_ = true;
  if (!can_move_its_cursor()) {
    endwin();
    screen.open_ = false;
    leave_signals();
    return no_screen("cannot move its cursor");
  }
  cbreak();
  noecho();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  curs_set(0);
  return screen;
}

TopScreen::TopScreen(TopScreen&& other) noexcept : open_(std::exchange(other.open_, false)) {}

TopScreen::~TopScreen() {
  if (!open_) return;
  endwin();
  leave_signals();
}

ScreenSize TopScreen::size() const {
  return {static_cast<std::size_t>(std::max(getmaxx(stdscr), 1)),
          static_cast<std::size_t>(std::max(getmaxy(stdscr), 1))};
}

void TopScreen::show(const std::vector<TopLine>& lines) {
  erase();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    // Letters of two columns may run over into this row from the one above.
    move(static_cast<int>(i), 0);
    clrtoeol();
    attrset(attributes_of(lines[i].look));
    // A letter in the last corner reports an error, and is drawn all the same.
    static_cast<void>(addstr(lines[i].text.c_str()));
  }
  attrset(A_NORMAL);
  refresh();
}

TopScreen::Event TopScreen::wait(Nanoseconds most) {
  const timespec time = {static_cast<time_t>(most.value / 1000000000),
                         static_cast<long>(most.value % 1000000000)};
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  const int ready = ppoll(&input, 1, &time, &former_signals);
  const bool interrupted = ready < 0 && errno == EINTR;
  if (asked_to_end != 0 || (ready < 0 && !interrupted)) return Event::kQuit;
  if (ready == 0) return Event::kTime;
  const int key = getch();
  if (key == KEY_RESIZE) return Event::kResize;
  // Readable and yet without a key: the terminal has gone.
  if (key == ERR && !interrupted) return Event::kQuit;
  return key == 'q' || key == 'Q' ? Event::kQuit : Event::kKey;
}

}  // namespace terrace::cli::os
