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
#include "allocators/extent/page_set.h"
#include "allocators/os/fence.h"
#include "allocators/os/userfault.h"

namespace terrace::extent {

class PostCopy {
 public:
  PostCopy(void* at, Bytes size, const void* view)
      : at_(static_cast<char*>(at)),
        size_(size),
        view_(static_cast<const char*>(view)),
        broken_(size.value / kBlockBytes.value + 2),
        mapped_in_(size.value >> kPageShift),
        there_(size.value >> kPageShift) {}
  ~PostCopy();
  PostCopy(const PostCopy&) = delete;
  PostCopy& operator=(const PostCopy&) = delete;
  RemapReport run(const os::NodeMask& nodes, os::Binding binding);

 private:
  int prepare(const os::NodeMask& nodes, os::Binding binding);
  void drop_entries() const;
  int put_fence();
  void fill();
  bool fill_huge(std::uint64_t offset);
  void fill_small(std::uint64_t offset, Bytes size);
  void serve_waiting();
  void copy_in(std::uint64_t offset, Bytes size);
  bool map_in(std::uint64_t offset);
  bool is_there(std::uint64_t offset) const;
  void note_there(std::uint64_t offset, Bytes size);
  void make_huge() const;
  bool is_whole_block(std::uint64_t offset) const;
  std::uint64_t block_of(std::uint64_t offset) const;

  char* at_;
  Bytes size_;
  const char* view_;
  PageSet broken_;  ///< blocks of which a page was copied alone, so that no huge page fits any more
  PageSet mapped_in_;  ///< pages that userfaultfd could not give
  PageSet there_;      ///< pages that came, in whatever way: none may come twice
  bool moves_ = true;  ///< the kernel can move a huge page in
  void* fence_ = nullptr;
  char* stage_ = nullptr;  ///< a block of private memory, where huge pages are filled
  os::UserFault faults_;
  os::Waiting waiting_;
  HoldClock clock_;
  RemapReport report_;
};

}  // namespace terrace::extent
