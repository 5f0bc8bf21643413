// SPDX-License-Identifier: Apache-2.0
// Moves the calling thread between two of the processors that it may run on, to measure what one
// of them pays for what the other did: lines of memory that it has to fetch from there. Never
// allocates.
#pragma once

#include <cstdint>

namespace terrace::os {

/// While it lives the thread runs on one of two processors; afterwards where it might before.
/// Where there is only one, or the kernel says no, the thread stays where it is.
class TwoProcessors {
 public:
  TwoProcessors();
  ~TwoProcessors();
  TwoProcessors(const TwoProcessors&) = delete;
  TwoProcessors& operator=(const TwoProcessors&) = delete;

  /// Are there two?
  explicit operator bool() const { return first_ != second_; }
  /// An errno value; 0 also where there is only one.
  int to_first() { return move_to(first_); }
  int to_second() { return move_to(second_); }

 private:
  static constexpr unsigned kBits = 64;
  static constexpr unsigned kWords = 128;  ///< 8,192 processors

  bool may_run_on(unsigned processor) const {
    return (before_[processor / kBits] >> processor % kBits & 1) != 0;
  }
  int move_to(unsigned processor) const;

  std::uint64_t before_[kWords] = {};
  unsigned bytes_ = 0;  ///< of before_ that the kernel filled
  unsigned first_ = 0;
  unsigned second_ = 0;
};

}  // namespace terrace::os
