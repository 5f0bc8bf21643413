// SPDX-License-Identifier: Apache-2.0
// Heat from the kernel's referenced bits, by object and without ranges: the source for processes
// whose memory is no huge-page memfd. The recorder opens a window, closes it after a short while
// and writes one record for each object into the session.
// Runs in the recorded process: allocates nothing; one caller at a time. For cost and limits see
// profiler/os/clear_refs.h.
#pragma once

#include <terrace/units.h>

#include "profiler/os/clear_refs.h"
#include "profiler/session/format.h"

namespace terrace::sources {

class ReferencedBits {
 public:
  /// Forgets earlier references and starts a window. Returns 0 or an errno.
  int open_window(Nanoseconds now);

  /// Ends the window: fills referenced_bytes of `ranges` (ascending by base, disjoint). Returns 0,
  /// EINVAL when no window is open, or an errno; then there is nothing to record.
  int close_window(os::ReferencedRange* ranges, std::uint32_t count, Nanoseconds now);

  /// The last window's heat record for one object; its only touch count is `touches`.
  struct Sample {
    session::HeatRecord record;
    std::uint32_t touches;  ///< 4 KiB pages referenced in the window
  };
  Sample sample(std::uint64_t object, const os::ReferencedRange& range) const;

 private:
  Nanoseconds begin_;
  Nanoseconds end_;
  bool open_ = false;
};

}  // namespace terrace::sources
