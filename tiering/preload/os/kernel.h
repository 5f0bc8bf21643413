// SPDX-License-Identifier: Apache-2.0
// The kernel as the preload shim needs it: mappings without any libc entry point in between, and
// the few facts of the process that decide whether the shim acts at all. These stand behind the
// interposed mmap family until the next library is known, and behind the runtime for good.
// Thread-safe, allocates nothing; each function fails as its system call does, with errno set.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace terrace::preload::os {

void* map(void* address, std::size_t length, int protection, int flags, int fd, off_t offset);
int unmap(void* address, std::size_t length);
/// `new_address` is read by the kernel only when `flags` ask for it.
void* remap(void* address, std::size_t old_length, std::size_t new_length, int flags,
            void* new_address);
int advise(void* address, std::size_t length, int advice);
int protect(void* address, std::size_t length, int protection);

std::size_t page_bytes();

/// Runs with more rights than its caller (set-uid, set-gid, file capabilities): the environment
/// must not steer such a process.
bool secure_process();

/// Ends the process after one line on stderr; for operator new without anybody who could throw.
[[noreturn]] void die(const char* message);

}  // namespace terrace::preload::os
