// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/page_moves.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>

#include "allocators/os/fault_point.h"
#include "allocators/os/keep_errno.h"
#include "allocators/os/pagemap_scan.h"

namespace terrace::os {
namespace {

/// Marks what one answer of the scan names; ranges are whole huge pages, maybe named twice.
void mark(const PageRegion& region, std::uint64_t base, std::uint64_t* bitmap) {
  const std::uint64_t first = (region.start - base + kBlockBytes.value - 1) >> kBlockShift;
  const std::uint64_t end = (region.end - base) >> kBlockShift;
  for (std::uint64_t block = first; block < end; ++block) {
    bitmap[block / 64] |= std::uint64_t{1} << (block % 64);
  }
}

int scan(int fd, std::uint64_t base, std::uint64_t end, std::uint64_t* bitmap) {
  for (std::uint64_t start = base; start < end;) {
    PageRegion regions[64];
    ScanArguments arguments{};
    arguments.size = sizeof arguments;
    arguments.start = start;
    arguments.end = end;
    arguments.regions = reinterpret_cast<std::uint64_t>(regions);
    arguments.region_count = 64;
    arguments.category_mask = kPageIsPresent | kPageIsHuge;
    arguments.return_mask = kPageIsHuge;
    const int found = ioctl(fd, kPagemapScan, &arguments);
    if (found < 0) return errno;
    for (int i = 0; i < found; ++i) mark(regions[i], base, bitmap);
    if (arguments.walk_end <= start) return 0;
    start = arguments.walk_end;
  }
  return 0;
}

}  // namespace

int query_pages(int pid, const void* const* pages, std::uint32_t count, int* status) {
  if (const int error = injected_error(SystemCall::kMovePages); error != 0) return error;
  const KeepErrno keep;
  return syscall(SYS_move_pages, pid, count, pages, nullptr, status, 0) == 0 ? 0 : errno;
}

MoveCall move_pages(int pid, const void* const* pages, std::uint32_t count, const int* nodes,
                    int* status) {
  for (std::uint32_t i = 0; i < count; ++i) status[i] = kNothingSaid;
  if (const int error = injected_error(SystemCall::kMovePages); error != 0) return {error, count};
  const KeepErrno keep;
  const long answer = syscall(SYS_move_pages, pid, count, pages, nodes, status, MPOL_MF_MOVE);
  if (answer < 0) return {errno, count};
  return {0, static_cast<std::uint32_t>(answer)};
}

int huge_blocks(int pid, const void* at, std::uint32_t blocks, std::uint64_t* bitmap) {
  for (std::uint32_t word = 0; word < (blocks + 63) / 64; ++word) bitmap[word] = 0;
  if (const int error = injected_error(SystemCall::kPagemap); error != 0) return error;
  const KeepErrno keep;
  char path[40] = "/proc/self/pagemap";
  if (pid != 0) std::snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const auto base = reinterpret_cast<std::uint64_t>(at);
  const int error = scan(fd, base, base + (std::uint64_t{blocks} << kBlockShift), bitmap);
  ::close(fd);
  return error;
}

}  // namespace terrace::os
