// SPDX-License-Identifier: Apache-2.0
// The mapping calls as the rest of this library sees them: straight to the kernel. The linker's
// --wrap binds every reference from inside the library to these, so that the memory of links,
// recorder and extents can never be taken for the program's and placed in its turn, in whatever
// thread the call is made.
#include <sys/types.h>

#include <cstdarg>
#include <cstddef>

#include "tiering/preload/os/kernel.h"
#include "tiering/preload/os/mapping_request.h"

namespace os = terrace::preload::os;

extern "C" {

// The names are the linker's convention.
void* __wrap_mmap(void* address, std::size_t length, int protection, int flags, int fd,
                  off_t offset) {
  return os::map(address, length, protection, flags, fd, offset);
}

void* __wrap_mmap64(void* address, std::size_t length, int protection, int flags, int fd,
                    off64_t offset) {
  return os::map(address, length, protection, flags, fd, offset);
}

int __wrap_munmap(void* address, std::size_t length) {
  return os::unmap(address, length);
}

void* __wrap_mremap(void* address, std::size_t old_length, std::size_t new_length, int flags, ...) {
  void* target = nullptr;
  if (os::remap_has_target(flags)) {
    va_list rest;
    va_start(rest, flags);
    target = va_arg(rest, void*);
    va_end(rest);
  }
  return os::remap(address, old_length, new_length, flags, target);
}

int __wrap_madvise(void* address, std::size_t length, int advice) {
  return os::advise(address, length, advice);
}

int __wrap_mprotect(void* address, std::size_t length, int protection) {
  return os::protect(address, length, protection);
}

}  // extern "C"
