// SPDX-License-Identifier: Apache-2.0
// Changes the pages behind a range of addresses by copy and remap, where the kernel cannot migrate:
// between private memory and device or file mappings. No write is lost, and a thread that writes is
// held for microseconds, not for the copy.
//   to_file     pre-copy: the range is write-protected by userfaultfd and copied while writers of a
//               page are let through at once and the page is noted; noted pages are copied again,
//               then the last few while their writers wait, and the file is mapped over the range.
//   to_private  post-copy: a fence of private memory, registered with userfaultfd, takes the
//               range's place in one step (mremap); whoever touches a page waits for that page
//               alone, the rest follows. Device mappings cannot be write-protected, hence this way.
// The caller keeps others from forking (it holds the runtime's fork lock) and from mapping,
// protecting or dropping pages of the range meanwhile, and has no direct I/O or RDMA pinned there.
// Afterwards the mapping is read-write and not locked, whatever it was. docs/adr/0016 says why.
// Used by allocators/extent/exchange and tiering/migrate. Resident. Calls for ranges that do not
// overlap may run side by side; never allocates from the heap; errors as errno values.
#pragma once

#include <cstdint>

#include <terrace/result.h>
#include <terrace/units.h>

#include "allocators/os/numa_memory.h"

namespace terrace::extent {

/// memcpy's contract: libpmem2's streaming copy, or memcpy itself.
using CopyBytes = void (*)(void* to, const void* from, std::size_t size);

struct RemapReport {
  int error = 0;             ///< 0, or why the range is as it was: EBUSY when it is written faster
                             ///< than it can be copied within the hold limit
  std::uint32_t rounds = 0;  ///< copies of at least one page
  Bytes copied;              ///< with repetitions
  /// That a thread could have waited, by CLOCK_MONOTONIC: the longest time between two moments at
  /// which waiting threads were let go. For to_file the copy of 256 KiB, or the last copy and the
  /// remap; for to_private the remap and the first pages, or the copy of 256 KiB besides one's
  /// page.
  Nanoseconds longest_hold;
};

struct RemapLimits {
  std::uint32_t rounds = 8;
  Bytes held_copy = KiB(64);  ///< copied at most while writers wait
};

class CopyRemap {
 public:
  constexpr CopyRemap() = default;
  /// kCapabilityMissing with the remedy when userfaultfd is not permitted or too old.
  static Result<CopyRemap> open();
  bool possible() const { return possible_; }
  /// Nothing is held open between two calls.
  void close() { possible_ = false; }

  /// [at, at+size) of private memory, whole pages, becomes a shared mapping of the file with the
  /// same content. `view` is another mapping of the same file range, writable.
  RemapReport to_file(void* at, Bytes size, int fd, std::uint64_t offset, void* view,
                      CopyBytes copy, const RemapLimits& limits) const;
  /// [at, at+size), any shared mapping of which `view` shows the same pages, becomes private memory
  /// bound to `nodes` (empty: no binding) with the same content, huge pages where whole blocks
  /// allow. Nothing may write through the view meanwhile.
  RemapReport to_private(void* at, Bytes size, const void* view, const os::NodeMask& nodes,
                         os::Binding binding) const;

 private:
  bool possible_ = false;
};

}  // namespace terrace::extent
