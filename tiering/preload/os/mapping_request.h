// SPDX-License-Identifier: Apache-2.0
// What an mmap call asks for, in the words of the placement: the flags of <sys/mman.h> are read
// here and nowhere else in the shim. Called by mapping_shim.cc before it asks the runtime.
// Thread-safe, allocates nothing, keeps errno unless said otherwise.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace terrace::preload::os {

enum class MappingKind {
  kOrdinary,   ///< anything that must stay exactly the kernel's mapping
  kAnonymous,  ///< private read-write memory at an address of the kernel's choice
  kFile,       ///< read-only view at an address of the kernel's choice; the descriptor is unchecked
};

/// Arguments and flags only: no system call.
MappingKind classify(const void* address, int protection, int flags, int fd);

/// May the whole view be copied once instead of mapped? A regular file, open for reading only, and
/// the view ends within the file's last page: beyond it the program is owed a SIGBUS.
bool copyable_file(int fd, std::size_t length, off_t offset);

/// Is it a view that shares the file's pages, and not copy-on-write?
bool shares_file(int flags);

/// Does the mapping take the place of whatever lies at its address?
bool replaces(int flags);

/// Does mremap put its result over whatever lies at the target?
bool remap_replaces(int flags);

/// Would the kernel refuse to put this mapping anywhere (bad descriptor, flags, protection)? Tried
/// at an address of its own choice and undone; errno says why. Tells before memory is given up for
/// it whether that is in vain.
bool mapping_refused(std::size_t length, int protection, int flags, int fd, off_t offset);

/// The same for an mremap to a fixed place, by its arguments and by whether the source is mapped;
/// the kernel gives the error.
bool remap_refused(const void* address, std::size_t old_length, std::size_t new_length, int flags,
                   const void* target);

/// Is mremap's fifth argument present?
bool remap_has_target(int flags);

/// posix_madvise's advice as madvise's; -1 for POSIX_MADV_DONTNEED, which must not drop data and
/// which libc turns into no call at all.
int kernel_advice(int posix_advice);

}  // namespace terrace::preload::os
