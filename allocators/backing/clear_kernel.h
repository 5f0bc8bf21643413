// SPDX-License-Identifier: Apache-2.0
// Zeroes whole pages of memory that nobody is about to read: a block that a tier hands out. With
// stores that leave the cache alone where the CPU has them, so that giving out gigabytes of a slow
// tier neither evicts what the program works on nor reads each line before it is overwritten.
// Resident: thread-safe, never allocates.
#pragma once

#include <cstddef>

namespace terrace::backing {

/// `at` is aligned to 64 bytes, `bytes` a multiple of 64. Other threads see zeros after it returns.
void clear_streaming(void* at, std::size_t bytes);

}  // namespace terrace::backing
