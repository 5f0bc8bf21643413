// SPDX-License-Identifier: Apache-2.0
// A few kilobytes for the allocations that looking up the next allocator may itself make, while
// there is no next allocator yet (next_heap.cc). glibc's dlsym makes none when it succeeds; other
// interposers on dlsym do. Blocks are never given back.
// Thread-safe; allocates from a static buffer only; keeps errno.
#pragma once

#include <cstddef>

namespace terrace::preload::early_heap {

/// Zeroed memory, `alignment` a power of two; nullptr when the buffer is used up.
void* allocate(std::size_t size, std::size_t alignment);

bool owns(const void* address);

/// Size asked for by the allocate() that returned `address`.
std::size_t size_of(const void* address);

/// Has anything ever been allocated here?
bool used();

}  // namespace terrace::preload::early_heap
