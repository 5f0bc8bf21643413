// SPDX-License-Identifier: Apache-2.0
// The longest time that a thread could have waited for a thread that exchanges pages: the longest
// span between two moments at which the latter lets waiting threads go. Used by pre_copy and
// post_copy. One thread at a time, never allocates.
#pragma once

#include <terrace/units.h>

#include "allocators/os/clock.h"

namespace terrace::extent {

class HoldClock {
 public:
  /// From here on threads may wait.
  void begin(Nanoseconds now = os::monotonic_now()) { since_ = now; }
  /// All that waited have been let go; others may wait from now on.
  void lap() {
    const Nanoseconds now = os::monotonic_now();
    if (now - since_ > longest_) longest_ = now - since_;
    since_ = now;
  }
  Nanoseconds longest() const { return longest_; }

 private:
  Nanoseconds since_;
  Nanoseconds longest_;
};

}  // namespace terrace::extent
