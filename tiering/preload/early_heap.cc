// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/early_heap.h"

#include <atomic>
#include <cstdint>
#include <cstring>

namespace terrace::preload::early_heap {
namespace {

constexpr std::size_t kBytes = std::size_t{64} * 1024;
constexpr std::size_t kHeader = 16;

alignas(4096) constinit unsigned char buffer[kBytes] = {};
constinit std::atomic<std::size_t> top{0};

}  // namespace

void* allocate(std::size_t size, std::size_t alignment) {
  if (size > kBytes || alignment > kBytes) return nullptr;
  const std::size_t align = alignment < kHeader ? kHeader : alignment;
  std::size_t old_top = top.load(std::memory_order_relaxed);
  std::size_t start = 0;
  do {
    // The buffer is page-aligned, so offsets align as addresses do up to a page.
    start = (old_top + kHeader + align - 1) & ~(align - 1);
    if (align > 4096 || start + size > kBytes) return nullptr;
  } while (!top.compare_exchange_weak(old_top, start + size, std::memory_order_relaxed));
  std::memcpy(buffer + start - kHeader, &size, sizeof size);
  return buffer + start;
}

bool owns(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const auto begin = reinterpret_cast<std::uintptr_t>(buffer);
  return at - begin < kBytes;
}

std::size_t size_of(const void* address) {
  std::size_t size = 0;
  std::memcpy(&size, static_cast<const unsigned char*>(address) - kHeader, sizeof size);
  return size;
}

bool used() {
  return top.load(std::memory_order_relaxed) != 0;
}

}  // namespace terrace::preload::early_heap
