// SPDX-License-Identifier: Apache-2.0
// Private memory becomes a mapping of a file without losing a write (CopyRemap::to_file). Pages are
// write-protected and copied; a writer that meets a protected page is let through between two
// pieces of the copy and its page is noted; noted pages are copied again until they are few; those
// are copied while their writers wait, and the file takes the range's place.
// One object for one exchange, used by one thread; it has a userfaultfd of its own, so that
// exchanges that run side by side never read each other's events. Never allocates from the heap.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "allocators/extent/copy_remap.h"
#include "allocators/extent/hold_clock.h"
#include "allocators/extent/page_set.h"
#include "allocators/os/userfault.h"

namespace terrace::extent {

struct FileRange {
  int fd = -1;
  std::uint64_t offset = 0;
  void* view = nullptr;  ///< shows the same pages, writable
};

class PreCopy {
 public:
  PreCopy(void* at, Bytes size, const FileRange& file, CopyBytes copy);
  RemapReport run(const RemapLimits& limits);

 private:
  int prepare();
  int copy_round();
  int copy_run(PageRun run);
  int let_writers_through();
  int hold_and_remap();
  int copy_held();
  int replace();
  void copy_pages(PageRun run);
  std::uint64_t piece_end(std::uint64_t page) const;
  char* address_of(std::uint64_t page) const { return at_ + (page << kPageShift); }
  static Bytes size_of(PageRun run) { return Bytes(run.count << kPageShift); }

  char* at_;
  Bytes size_;
  FileRange file_;
  CopyBytes copy_;
  PageSet dirty_;
  os::UserFault faults_;
  HoldClock clock_;
  RemapReport report_;
};

}  // namespace terrace::extent
