// SPDX-License-Identifier: Apache-2.0
#include "allocators/os/page_presence.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "allocators/os/fault_point.h"
#include "allocators/os/pagemap_scan.h"

namespace terrace::os {
namespace {

constexpr std::uint64_t kEntryPresent = std::uint64_t{1} << 63;
constexpr std::uint64_t kPagesPerBlock = kBlockBytes.value >> 12;
constexpr std::uint64_t kPageBytes = 4096;

/// body(region) for the ranges in [start, end) whose pages are of `category`. An errno value.
template <typename Body>
int for_each_region(int fd, std::uint64_t start, std::uint64_t end, std::uint64_t category,
                    std::uint64_t flags, Body body) {
  while (start < end) {
    // Cleared for valgrind, which does not know that this call fills it: 3 KiB beside a walk of
    // page tables.
    PageRegion regions[128]{};
    ScanArguments arguments{};
    arguments.size = sizeof arguments;
    arguments.flags = flags;
    arguments.start = start;
    arguments.end = end;
    arguments.regions = reinterpret_cast<std::uint64_t>(regions);
    arguments.region_count = 128;
    arguments.category_mask = category;
    arguments.return_mask = category;
    const int found = ioctl(fd, kPagemapScan, &arguments);
    if (found < 0) return errno;
    for (int i = 0; i < found; ++i) body(regions[i]);
    if (arguments.walk_end <= start) break;
    start = arguments.walk_end;
  }
  return 0;
}

}  // namespace

PagePresence::~PagePresence() {
  close();
}

void PagePresence::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<PagePresence> PagePresence::open() {
  int error = injected_error(SystemCall::kPagemap);
  PagePresence presence;
  const int saved = errno;
  if (error == 0) {
    presence.fd_ = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (presence.fd_ < 0) error = errno;
  }
  if (error == 0) {
    const int moved = fcntl(presence.fd_, F_DUPFD_CLOEXEC, 512);
    if (moved >= 0) {
      ::close(presence.fd_);
      presence.fd_ = moved;
    }
  }
  errno = saved;
  if (error == 0) return presence;
  return make_error(ErrorCode::kCapabilityMissing, error, "/proc/self/pagemap: %s",
                    std::strerror(error));
}

int PagePresence::count_present(const void* at, std::uint64_t blocks, std::uint32_t* touches) {
  present_pages_ = 0;
  if (const int error = injected_error(SystemCall::kPagemap); error != 0) return error;
  const int saved = errno;
  int error = scan_works_ ? scan(at, blocks, touches) : ENOTTY;
  if (error == ENOTTY || error == EINVAL) {
    scan_works_ = false;
    error = read_entries(at, blocks, touches);
  }
  errno = saved;
  return error;
}

int PagePresence::scan(const void* at, std::uint64_t blocks, std::uint32_t* touches) {
  const auto base = reinterpret_cast<std::uint64_t>(at);
  std::uint64_t next_uncounted = 0;  // a range can be reported twice when walked in steps
  std::uint64_t uncounted = base;
  return for_each_region(
      fd_, base, base + (blocks << kBlockShift), kPageIsPresent, 0, [&](const PageRegion& region) {
        std::uint64_t first = (region.start - base) >> kBlockShift;
        const std::uint64_t last = (region.end - 1 - base) >> kBlockShift;
        if (first < next_uncounted) first = next_uncounted;
        for (std::uint64_t block = first; block <= last; ++block) ++touches[block];
        if (last + 1 > next_uncounted) next_uncounted = last + 1;
        const std::uint64_t from = region.start < uncounted ? uncounted : region.start;
        if (region.end <= from) return;
        present_pages_ += (region.end - from) / kPageBytes;
        uncounted = region.end;
      });
}

int PagePresence::count_written(const void* at, std::uint64_t blocks, std::uint32_t* counts) const {
  if (const int error = injected_error(SystemCall::kPagemap); error != 0) return error;
  const int saved = errno;
  const auto base = reinterpret_cast<std::uint64_t>(at);
  std::uint64_t uncounted = base;  // a range can be reported twice when walked in steps
  const int error =
      for_each_region(fd_, base, base + (blocks << kBlockShift), kPageIsWritten,
                      kCheckWriteTracking, [&](const PageRegion& region) {
                        std::uint64_t from = region.start < uncounted ? uncounted : region.start;
                        while (from < region.end) {
                          const std::uint64_t block = (from - base) >> kBlockShift;
                          const std::uint64_t block_end = base + ((block + 1) << kBlockShift);
                          const std::uint64_t to = region.end < block_end ? region.end : block_end;
                          counts[block] += static_cast<std::uint32_t>((to - from) / kPageBytes);
                          from = to;
                        }
                        if (region.end > uncounted) uncounted = region.end;
                      });
  errno = saved;
  return error;
}

int PagePresence::read_entries(const void* at, std::uint64_t blocks, std::uint32_t* touches) {
  std::uint64_t entries[kPagesPerBlock];
  const auto first_page = reinterpret_cast<std::uint64_t>(at) >> 12;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    const auto offset = static_cast<off_t>((first_page + block * kPagesPerBlock) * 8);
    if (pread(fd_, entries, sizeof entries, offset) != static_cast<ssize_t>(sizeof entries)) {
      return errno != 0 ? errno : EIO;
    }
    std::uint64_t present = 0;
    for (const std::uint64_t entry : entries) present += (entry & kEntryPresent) != 0 ? 1 : 0;
    touches[block] += present != 0 ? 1 : 0;
    present_pages_ += present;
  }
  return 0;
}

}  // namespace terrace::os
