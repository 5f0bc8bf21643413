// SPDX-License-Identifier: Apache-2.0
// Locks on byte ranges of a file or device node that belong to its open file description (fcntl
// F_OFD_SETLK, Linux 3.15). Two openings exclude each other, in one process or in two; the kernel
// drops the locks with the last descriptor and the last mapping of the opening, so that a killed
// holder leaves none. Advisory, by device node (inode), never through NFS's older versions.
// Used by allocators/backing/block_pool. Thread-safe, never allocates, keeps errno.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

/// Bytes [begin, end) of a file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct LockAttempt {
  int error = 0;    ///< 0: locked; EAGAIN: another opening holds `other`; else why it cannot be
  ByteRange other;  ///< a range that overlaps the wanted one, not necessarily the first
};

/// Locks the whole range or nothing. Never waits.
LockAttempt lock_range(int fd, ByteRange range);
/// An errno value: splitting a lock in the middle needs kernel memory.
int unlock_range(int fd, ByteRange range);
/// Can such locks be had on this file at all? Takes none. An errno value.
int check_range_locks(int fd);

}  // namespace terrace::os
