// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/page_places.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace terrace::lab {
namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(2);
}

}  // namespace

std::vector<int> places(const void* at, std::size_t size) {
  const std::size_t pages = size / kPage;
  std::vector<const void*> addresses(pages);
  std::vector<int> nodes(pages);
  for (std::size_t i = 0; i < pages; ++i) {
    addresses[i] = static_cast<const char*>(at) + i * kPage;
  }
  if (syscall(SYS_move_pages, 0, pages, addresses.data(), nullptr, nodes.data(), 0) != 0) {
    fail("move_pages");
  }
  return nodes;
}

std::map<int, std::uint64_t> count_places(const std::vector<int>& nodes) {
  std::map<int, std::uint64_t> count;
  for (const int node : nodes) ++count[node];
  return count;
}

std::uint32_t mappings_in(const void* at, std::size_t size) {
  const auto first = reinterpret_cast<std::uintptr_t>(at);
  std::ifstream maps("/proc/self/maps");
  std::uint32_t count = 0;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2) continue;
    if (begin < first + size && end > first) ++count;
  }
  return count;
}

void* map_aligned(std::size_t size) {
  constexpr std::uintptr_t kHuge = 2 << 20;
  void* raw = mmap(nullptr, size + kHuge, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) fail("mmap");
  return reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(raw) + kHuge - 1) &
                                 ~(kHuge - 1));
}

}  // namespace terrace::lab
