// SPDX-License-Identifier: Apache-2.0
// A C++ library that a C program loads privately, so that its C++ runtime is in nobody's global
// search order; for process_cases.c.
#include <cstddef>
#include <new>

/// 0: allocated and freed, 1: std::bad_alloc arrived.
extern "C" [[gnu::visibility("default")]] int plugin_new_and_delete(std::size_t size) {
  try {
    volatile char* block = static_cast<char*>(::operator new(size));
    block[size - 1] = 1;
    ::operator delete(const_cast<char*>(block));
    return ::operator new(size, std::nothrow) == nullptr ? 2 : 0;
  } catch (const std::bad_alloc&) {
    return ::operator new(size, std::nothrow) == nullptr ? 1 : 3;
  }
}
