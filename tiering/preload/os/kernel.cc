// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/os/kernel.h"

#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace terrace::preload::os {

void* map(void* address, std::size_t length, int protection, int flags, int fd, off_t offset) {
  return reinterpret_cast<void*>(syscall(SYS_mmap, address, length, protection, flags, fd, offset));
}

int unmap(void* address, std::size_t length) {
  return static_cast<int>(syscall(SYS_munmap, address, length));
}

void* remap(void* address, std::size_t old_length, std::size_t new_length, int flags,
            void* new_address) {
  return reinterpret_cast<void*>(
      syscall(SYS_mremap, address, old_length, new_length, flags, new_address));
}

int advise(void* address, std::size_t length, int advice) {
  return static_cast<int>(syscall(SYS_madvise, address, length, advice));
}

int protect(void* address, std::size_t length, int protection) {
  return static_cast<int>(syscall(SYS_mprotect, address, length, protection));
}

std::size_t page_bytes() {
  return getauxval(AT_PAGESZ);
}

bool secure_process() {
  return getauxval(AT_SECURE) != 0;
}

void die(const char* message) {
  // Nothing is left to be done about a message that cannot be written: abort follows anyway.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message, strlen(message));
  abort();
}

}  // namespace terrace::preload::os
