// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/files.h"

namespace terrace::os {
namespace {

/// One number from a one-line file of sysfs; 0 when it cannot be read.
std::uint64_t read_number(const char* path) {
  char text[32];
  return read_small_file(path, text, sizeof text) > 0 ? std::strtoull(text, nullptr, 10) : 0;
}

}  // namespace

Result<MemoryFile> MemoryFile::create(Bytes size, PageKind kind) {
  int error = injected_error(SystemCall::kMemfdCreate);
  if (error == 0 && beyond_file_limit(size)) error = EFBIG;
  const unsigned flags = kind == PageKind::kHuge ? MFD_CLOEXEC | MFD_HUGETLB : MFD_CLOEXEC;
  const int saved = errno;
  MemoryFile file;
  if (error == 0) {
    file.fd_ = static_cast<int>(syscall(SYS_memfd_create, "terrace", flags));
    if (file.fd_ < 0) error = errno;
  }
  if (error == 0) {
    file.fd_ = move_to_high_number(file.fd_);
    error = injected_error(SystemCall::kFtruncate);
    if (error == 0 && ftruncate(file.fd_, static_cast<off_t>(size.value)) != 0) error = errno;
  }
  errno = saved;
  if (error == 0) return file;
  return make_error(ErrorCode::kCapabilityMissing, error, "memory file of %llu bytes: %s",
                    static_cast<unsigned long long>(size.value), std::strerror(error));
}

int MemoryFile::allocate_in(int fd, std::uint64_t offset, Bytes size) {
  if (const int error = injected_error(SystemCall::kFallocate); error != 0) return error;
  const int saved = errno;
  int error = 0;
  if (fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(size.value)) != 0)
    error = errno;
  errno = saved;
  return error;
}

int MemoryFile::punch(std::uint64_t offset, Bytes size) const {
  const int saved = errno;
  int error = 0;
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(size.value)) != 0) {
    error = errno;
  }
  errno = saved;
  return error;
}

void MemoryFile::close() {
  const int saved = errno;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  errno = saved;
}

bool huge_pages_available(Bytes size) {
  const char* const base = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
  char path[128];
  auto number = [&](const char* name) {
    std::strcpy(path, base);
    std::strcat(path, name);
    return read_number(path);
  };
  const std::uint64_t free_pages = number("free_hugepages");
  const std::uint64_t reserved = number("resv_hugepages");
  const std::uint64_t surplus = number("surplus_hugepages");
  const std::uint64_t overcommit = number("nr_overcommit_hugepages");
  std::uint64_t available = free_pages > reserved ? free_pages - reserved : 0;
  if (overcommit > surplus) available += overcommit - surplus;
  return available >= blocks_for(size);
}

}  // namespace terrace::os
