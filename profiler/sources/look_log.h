// SPDX-License-Identifier: Apache-2.0
// The recorder's looks as the session tells them, until they are written: when each began and
// ended, and what its turns cost. Pure logic, resident, one owner.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "profiler/session/format.h"

namespace terrace::sources {

class LookLog {
 public:
  static constexpr std::uint32_t kMost = 64;

  constexpr LookLog() = default;

  /// A look begins, or the one of this kind that is on goes on.
  void begin(session::LookKind kind, Nanoseconds at) {
    const auto number = static_cast<std::uint32_t>(kind);
    if (open_ && looks_[count_].kind == number) return;
    end(at);
    looks_[count_] = {at.value, at.value, number, 0, 0, 0};
    own_ = caused_ = Nanoseconds();
    open_ = true;
  }
  bool is_open() const { return open_; }
  /// Of a turn: the recorder's own time, and what it caused.
  void add(Nanoseconds own, Nanoseconds caused) {
    own_ = own_ + own;
    caused_ = caused_ + caused;
  }
  /// Room for it: is_full() was false when it began.
  void end(Nanoseconds at) {
    if (!open_) return;
    session::LookRecord& look = looks_[count_];
    look.end_ns = at.value;
    look.own_cpu_us = static_cast<std::uint32_t>(own_.value / 1000);
    look.caused_cpu_us = static_cast<std::uint32_t>(caused_.value / 1000);
    open_ = false;
    ++count_;
  }
  bool is_full() const { return count_ == kMost; }
  const session::LookRecord* ended() const { return looks_; }
  std::uint32_t count() const { return count_; }
  /// Those that ended were written.
  void written() {
    if (open_) looks_[0] = looks_[count_];
    count_ = 0;
  }

 private:
  session::LookRecord looks_[kMost + 1] = {};  ///< behind those that ended, the one that is on
  std::uint32_t count_ = 0;
  bool open_ = false;
  Nanoseconds own_;
  Nanoseconds caused_;
};

}  // namespace terrace::sources
