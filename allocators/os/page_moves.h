// SPDX-License-Identifier: Apache-2.0
// move_pages(2), raw: asks where pages are and moves them, of this process or of another one; and
// which of them are huge. Last file on the walk of docs/life-of-a-move.md. Used by the mover.
// Thread-safe, never allocates; errors as errno values, errno kept.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

/// Each page's node, or a negative errno: -ENOENT has no page (never touched, swapped out, or a
/// device's own memory), -EFAULT is not mapped or the shared page of zeros. `status` has `count`
/// entries. `pid` 0: this process; another one's pages need CAP_SYS_PTRACE.
int query_pages(int pid, const void* const* pages, std::uint32_t count, int* status);

/// What the kernel said to a call of move_pages.
struct MoveCall {
  int error = 0;                ///< ENOMEM: a node is full; EACCES: a node outside the cpuset; ...
  std::uint32_t not_moved = 0;  ///< busy ones and all that were not tried because of them
};

/// Status of a page that the kernel said nothing about; no errno and no node has this value.
inline constexpr int kNothingSaid = INT32_MIN;

/// Moves each page to its node in `nodes`. `status` gets a page's node or a negative errno, and
/// kNothingSaid where the kernel wrote none: it collects adjacent entries for one node into a run,
/// and when a page of a run stays behind (do_pages_move in mm/migrate.c, Linux 4.17 to 6.18 alike)
/// it writes no status for that run and does not try the entries after it. A status can be wrong
/// as well: of two addresses in one huge page, the second is "busy" while the first moves both. So
/// ask with query_pages() afterwards. Another process's pages need CAP_SYS_NICE.
MoveCall move_pages(int pid, const void* const* pages, std::uint32_t count, const int* nodes,
                    int* status);

/// Sets bit i of `bitmap` where block i of [at, at + blocks) is one huge page of 2 MiB in the page
/// table, clears it where it is not. `at` is a multiple of a block. ENOTTY before Linux 6.7.
int huge_blocks(int pid, const void* at, std::uint32_t blocks, std::uint64_t* bitmap);

}  // namespace terrace::os
