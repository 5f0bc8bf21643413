// SPDX-License-Identifier: Apache-2.0
// move_pages(2), raw: asks where pages are and moves them, of this process or of another one.
// Used by the mover. Thread-safe, never allocates; errors as errno values, errno kept.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

/// Each page's node, or a negative errno (-ENOENT: never touched, -EFAULT: not mapped). `status`
/// has `count` entries. `pid` 0: this process; another one's pages need CAP_SYS_PTRACE.
int query_pages(int pid, const void* const* pages, std::uint32_t count, int* status);

/// Moves each page to its node in `nodes`; `status` gets the page's node or a negative errno, and
/// is read back by a query, since the kernel leaves it unwritten after some failures. Another
/// process's pages need CAP_SYS_NICE. Positive: that many pages were not moved for a reason that
/// status does not tell (Linux before 5.17 stops there); negative never.
int move_pages(int pid, const void* const* pages, std::uint32_t count, const int* nodes,
               int* status);

/// The mapping that holds an address, as /proc/PID/smaps tells it.
struct MappingFacts {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  Bytes kernel_page;    ///< 4 KiB, or a huge page's size
  bool locked = false;  ///< mlock or MAP_LOCKED
  bool device = false;  ///< I/O memory or raw page frames: VM_IO, VM_PFNMAP
  bool hugetlb = false;
  bool shared = false;
};

}  // namespace terrace::os
