// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/mapping.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace terrace::os {
namespace {

/// Address space that one thread gives back another may get: the kernel puts these calls in order,
/// and this says so to who cannot see that (the thread sanitizer; our calls pass libc by).
constinit std::atomic<std::uint32_t> given_back{0};

/// MAP_FAILED as nullptr and errno kept, the error in `error`.
void* raw_mmap(void* at, Bytes size, int protection, int flags, int fd, std::uint64_t offset,
               int& error) {
  error = injected_error(SystemCall::kMmap);
  if (error != 0) return nullptr;
  const int saved = errno;
  const long result = syscall(SYS_mmap, at, size.value, protection, flags, fd, offset);
  if (result == -1) {
    error = errno;
    errno = saved;
    return nullptr;
  }
  given_back.load(std::memory_order_acquire);
  return reinterpret_cast<void*>(result);
}

int map_fixed(void* at, Bytes size, int protection, int flags, int fd, std::uint64_t offset) {
  int error = 0;
  raw_mmap(at, size, protection, flags | MAP_FIXED, fd, offset, error);
  return error;
}

int raw_madvise(void* at, Bytes size, int advice) {
  if (const int error = injected_error(SystemCall::kMadvise); error != 0) return error;
  const int saved = errno;
  if (syscall(SYS_madvise, at, size.value, advice) == 0) return 0;
  const int error = errno;
  errno = saved;
  return error;
}

int raw_mremap(void* from, Bytes size, Bytes new_size, void* to, int flags) {
  if (const int error = injected_error(SystemCall::kMremap); error != 0) return error;
  given_back.fetch_add(1, std::memory_order_acq_rel);
  const int saved = errno;
  const long result = syscall(SYS_mremap, from, size.value, new_size.value,
                              MREMAP_MAYMOVE | MREMAP_FIXED | flags, to);
  if (result != -1) return 0;
  const int error = errno;
  errno = saved;
  return error;
}

}  // namespace

void* reserve_address_space(Bytes size) {
  const Bytes whole = round_up_to_block(size);
  const Bytes with_slack = whole + kBlockBytes;
  int error = 0;
  void* raw = raw_mmap(nullptr, with_slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0, error);
  if (raw == nullptr) return nullptr;
  const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(raw);
  const std::uintptr_t aligned = (start + kBlockBytes.value - 1) & ~(kBlockBytes.value - 1);
  // The slack goes back, so that unmap() of what was asked for leaves nothing behind.
  const std::uintptr_t head = aligned - start;
  if (head != 0) syscall(SYS_munmap, raw, head);
  if (head != kBlockBytes.value) {
    syscall(SYS_munmap, aligned + whole.value, kBlockBytes.value - head);
  }
  return reinterpret_cast<void*>(aligned);
}

void* map_private_at(void* at, Bytes size) {
  int error = 0;
  return raw_mmap(at, size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | (at != nullptr ? MAP_FIXED : 0), -1, 0, error);
}

int map_private(void* at, Bytes size, PageAdvice advice) {
  const int error = map_fixed(at, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (error == 0 && advice == PageAdvice::kHuge) advise_huge(at, size);
  return error;
}

void advise_huge(void* at, Bytes size) {
  // Where transparent huge pages are off the memory works all the same.
  raw_madvise(at, size, MADV_HUGEPAGE);
}

void refuse_huge(void* at, Bytes size) {
  // Where transparent huge pages are off the memory works all the same.
  raw_madvise(at, size, MADV_NOHUGEPAGE);
}

int map_shared_file(void* at, Bytes size, int fd, std::uint64_t offset) {
  return map_fixed(at, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

int map_private_file(void* at, Bytes size, int fd, std::uint64_t offset) {
  return map_fixed(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, offset);
}

int map_program_view(void* at, Bytes size, int fd, std::uint64_t offset, int protection,
                     ViewKind kind) {
  const int flags = kind == ViewKind::kShared ? MAP_SHARED : MAP_PRIVATE;
  return map_fixed(at, size, protection, flags, fd, offset);
}

void* map_program_view(Bytes size, int fd, std::uint64_t offset, int protection, ViewKind kind) {
  int error = 0;
  const int flags = kind == ViewKind::kShared ? MAP_SHARED : MAP_PRIVATE;
  return raw_mmap(nullptr, size, protection, flags, fd, offset, error);
}

void* map_view(Bytes size, int fd, std::uint64_t offset) {
  int error = 0;
  return raw_mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset, error);
}

int unmap_to_reservation(void* at, Bytes size) {
  return map_fixed(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int unmap(void* at, Bytes size) {
  if (const int error = injected_error(SystemCall::kMunmap); error != 0) return error;
  const int saved = errno;
  given_back.fetch_add(1, std::memory_order_acq_rel);
  if (syscall(SYS_munmap, at, size.value) == 0) return 0;
  const int error = errno;
  errno = saved;
  return error;
}

// An old size of zero asks for a copy of the mapping instead of its move (mremap(2)).
void* map_same_pages(const void* at, Bytes size) {
  if (injected_error(SystemCall::kMremap) != 0) return nullptr;
  const int saved = errno;
  const long mapped = syscall(SYS_mremap, at, 0, size.value, MREMAP_MAYMOVE, nullptr);
  errno = saved;
  return mapped == -1 ? nullptr : reinterpret_cast<void*>(mapped);
}

int move_mapping(void* from, Bytes size, void* to) {
  return raw_mremap(from, size, size, to, 0);
}

int move_pages_away(void* from, Bytes size, void* to) {
  return raw_mremap(from, size, size, to, MREMAP_DONTUNMAP);
}

int drop_pages(void* at, Bytes size) {
  return raw_madvise(at, size, MADV_DONTNEED);
}
int populate_read(void* at, Bytes size) {
  return raw_madvise(at, size, MADV_POPULATE_READ);
}
int keep_unmerged(void* at, Bytes size) {
  const int error = raw_madvise(at, size, MADV_UNMERGEABLE);
  return error == EINVAL ? 0 : error;
}
int collapse_block(void* at) {
  return raw_madvise(at, kBlockBytes, MADV_COLLAPSE);
}
int advise(void* at, Bytes size, int advice) {
  return raw_madvise(at, size, advice);
}

int protect(void* at, Bytes size, int protection) {
  if (const int error = injected_error(SystemCall::kMprotect); error != 0) return error;
  const int saved = errno;
  if (syscall(SYS_mprotect, at, size.value, protection) == 0) return 0;
  const int error = errno;
  errno = saved;
  return error;
}

int protect_read_only(void* at, Bytes size) {
  return protect(at, size, PROT_READ);
}

std::uint32_t max_mappings() {
  constexpr std::uint32_t kKernelDefault = 65530;
  char text[24];
  if (read_small_file("/proc/sys/vm/max_map_count", text, sizeof text) <= 0) return kKernelDefault;
  const long count = std::strtol(text, nullptr, 10);
  return count > 0 && count <= 0x7FFFFFFF ? static_cast<std::uint32_t>(count) : kKernelDefault;
}

Bytes physical_memory() {
  return Bytes(static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
               static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

}  // namespace terrace::os
