// SPDX-License-Identifier: Apache-2.0
// The terminal as a screen, by ncurses: whatever TERM says it can do, over ssh too. Behind
// `terrace top`. While it is open SIGINT, SIGTERM and SIGWINCH are taken in wait() alone.
// One at a time in a process; not thread-safe; allocates.
#pragma once

#include <cstdint>
#include <vector>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/cli/top_view.h"

namespace terrace::cli::os {

class TopScreen {
 public:
  /// Errors kCapabilityMissing: standard input or output is no terminal, or it is one that ncurses
  /// does not know or that cannot move its cursor; the message names the way around.
  static Result<TopScreen> open();
  TopScreen(TopScreen&& other) noexcept;
  TopScreen& operator=(TopScreen&&) = delete;
  /// Gives the terminal back as it was.
  ~TopScreen();

  ScreenSize size() const;
  void show(const std::vector<TopLine>& lines);

  enum class Event : std::uint8_t {
    kTime,    ///< the time is over
    kKey,     ///< a key that means nothing
    kResize,  ///< the screen has another size
    kQuit,    ///< q, an interrupt, or the terminal is gone
  };
  Event wait(Nanoseconds most);

 private:
  TopScreen() = default;
  bool open_ = false;
};

}  // namespace terrace::cli::os
