// SPDX-License-Identifier: Apache-2.0
// Access source: pages of memory files that were written to. A window begins by protecting a range
// through userfaultfd in asynchronous mode: the first write to each page is let through by the
// kernel, which notes it, and the window's end asks for what was noted (PAGEMAP_SCAN). Linux 6.7.
// A written page counts whole: 2 MiB where pages are huge. Reads are not seen.
// A range is registered for the length of a window only, since memory can be watched by one
// userfaultfd at a time and Terrace's own copies need theirs. Resident: never allocates; one owner.
#pragma once

#include <cstdint>

#include "allocators/os/page_presence.h"
#include "allocators/os/userfault.h"
#include "profiler/sources/access_source.h"

namespace terrace::sources {

class WriteTracking {
 public:
  static constexpr Traits kTraits{session::SourceKind::kWriteTracking,
                                  Reach::kSmallPages,
                                  Memory::kFiles,
                                  Grain::kBlock,
                                  KiB(4),
                                  95,
                                  Nanoseconds(),
                                  Nanoseconds(),
                                  Nanoseconds()};

  constexpr WriteTracking() = default;
  Status open(const Field& field);
  int begin_run(const BlockRun& run);
  int begin() { return 0; }
  int end() { return 0; }
  /// Adds the written pages, in units of 4 KiB. ENOENT: the run, or a part of it, is new.
  int end_run(const BlockRun& run, std::uint32_t* counts);
  void close();

 private:
  os::PagePresence pages_;
  os::UserFault faults_;
};
static_assert(AccessSource<WriteTracking>);

}  // namespace terrace::sources
