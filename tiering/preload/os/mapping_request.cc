// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/os/mapping_request.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "tiering/preload/os/kernel.h"

namespace terrace::preload::os {
namespace {

// Everything that changes nothing once the memory is placed; any other flag, known today or not,
// keeps the call with the kernel.
constexpr int kAnonymousFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NONBLOCK;
constexpr int kFileFlags = MAP_SHARED | MAP_PRIVATE | MAP_POPULATE | MAP_NONBLOCK | MAP_NORESERVE;

bool anonymous(int protection, int flags) {
  return protection == (PROT_READ | PROT_WRITE) && (flags & ~kAnonymousFlags) == 0 &&
         (flags & (MAP_PRIVATE | MAP_ANONYMOUS)) == (MAP_PRIVATE | MAP_ANONYMOUS);
}

/// Asked in steps, since the kernel writes a byte for each page.
bool is_mapped(const void* address, std::size_t length) {
  constexpr std::size_t kPages = 4096;
  unsigned char resident[kPages];
  const int saved_errno = errno;
  const std::size_t step = kPages * page_bytes();
  bool mapped = true;
  for (std::size_t at = 0; at < length && mapped; at += step) {
    void* const begin = const_cast<char*>(static_cast<const char*>(address) + at);
    mapped = mincore(begin, length - at < step ? length - at : step, resident) == 0;
  }
  errno = saved_errno;
  return mapped;
}

}  // namespace

MappingKind classify(const void* address, int protection, int flags, int fd) {
  if (address != nullptr) return MappingKind::kOrdinary;
  if (anonymous(protection, flags)) return MappingKind::kAnonymous;
  const bool file = protection == PROT_READ && (flags & ~kFileFlags) == 0 && fd >= 0;
  return file ? MappingKind::kFile : MappingKind::kOrdinary;
}

bool copyable_file(int fd, std::size_t length, off_t offset) {
  const int saved_errno = errno;
  struct stat facts {};
  const int mode = fcntl(fd, F_GETFL);
  const bool readable = mode >= 0 && (mode & O_ACCMODE) == O_RDONLY && fstat(fd, &facts) == 0;
  errno = saved_errno;
  if (!readable || !S_ISREG(facts.st_mode) || offset < 0 || offset >= facts.st_size) return false;
  const std::size_t left = static_cast<std::size_t>(facts.st_size - offset);
  return length <= left || length - left < page_bytes();
}

bool shares_file(int flags) {
  return (flags & MAP_SHARED) != 0;  // MAP_SHARED_VALIDATE has its bit, too
}

bool replaces(int flags) {
  // MAP_FIXED_NOREPLACE is a bit of its own and never carries MAP_FIXED's meaning.
  return (flags & MAP_FIXED) != 0;
}

bool remap_replaces(int flags) {
  return (flags & MREMAP_FIXED) != 0;
}

bool mapping_refused(std::size_t length, int protection, int flags, int fd, off_t offset) {
  // Nothing is filled or locked for the trial.
  const int trial = flags & ~(MAP_FIXED | MAP_POPULATE | MAP_LOCKED);
  void* const at = map(nullptr, length, protection, trial | MAP_NORESERVE, fd, offset);
  if (at == MAP_FAILED) return true;
  unmap(at, length);
  return false;
}

bool remap_refused(const void* address, std::size_t old_length, std::size_t new_length, int flags,
                   const void* target) {
  constexpr int kKnown = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  const auto from = reinterpret_cast<std::uintptr_t>(address);
  const auto to = reinterpret_cast<std::uintptr_t>(target);
  if ((flags & ~kKnown) != 0 || (flags & MREMAP_MAYMOVE) == 0 || new_length == 0) return true;
  if (from % page_bytes() != 0 || to % page_bytes() != 0) return true;
  if (from < to + new_length && to < from + old_length) return true;
  if ((flags & MREMAP_DONTUNMAP) != 0 && old_length != new_length) return true;
  return !is_mapped(address, old_length);
}

bool remap_has_target(int flags) {
  return (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0;
}

int kernel_advice(int posix_advice) {
  return posix_advice == POSIX_MADV_DONTNEED ? -1 : posix_advice;
}

}  // namespace terrace::preload::os
