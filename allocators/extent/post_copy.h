// SPDX-License-Identifier: Apache-2.0
// Any mapping becomes private memory without losing a write (CopyRemap::to_private). Empty private
// memory, watched by userfaultfd, takes the range's place in one step; whoever touches a page waits
// until that page has been copied from the view of the old pages, which nobody writes any more.
// One object for one exchange, used by one thread. Never allocates from the heap.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "allocators/extent/copy_remap.h"
#include "allocators/extent/hold_clock.h"
#include "allocators/os/fence.h"
#include "allocators/os/userfault.h"

namespace terrace::extent {

class PostCopy {
 public:
  PostCopy(void* at, Bytes size, const void* view)
      : at_(static_cast<char*>(at)), size_(size), view_(static_cast<const char*>(view)) {}
  RemapReport run(const os::NodeMask& nodes, os::Binding binding);

 private:
  int make_fence(const os::NodeMask& nodes, os::Binding binding);
  int put_fence();
  void fill();
  void fill_step(std::uint64_t offset, Bytes size);
  void serve_waiting();
  void fill_by_touch(std::uint64_t offset, Bytes size);
  void make_huge() const;

  char* at_;
  Bytes size_;
  const char* view_;
  void* fence_ = nullptr;
  os::UserFault faults_;
  os::Waiting waiting_;
  HoldClock clock_;
  RemapReport report_;
};

}  // namespace terrace::extent
