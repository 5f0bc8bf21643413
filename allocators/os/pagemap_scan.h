// SPDX-License-Identifier: Apache-2.0
// The PAGEMAP_SCAN ioctl of /proc/PID/pagemap (Linux 6.7), from
// Documentation/admin-guide/mm/pagemap.rst: Debian 12's headers are older than the call. Used by
// page_presence.cc and page_moves.cc. Constants and plain structs.
#pragma once

#include <sys/ioctl.h>
#include <cstdint>

namespace terrace::os {

struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};
struct ScanArguments {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t regions;
  std::uint64_t region_count;
  std::uint64_t max_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_any_of_mask;
  std::uint64_t return_mask;
};
inline constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);
/// Refuse ranges that are not write-protected in asynchronous mode (EPERM).
inline constexpr std::uint64_t kCheckWriteTracking = 1u << 1;
inline constexpr std::uint64_t kPageIsWritten = 1u << 1;
inline constexpr std::uint64_t kPageIsPresent = 1u << 3;
inline constexpr std::uint64_t kPageIsHuge = 1u << 6;

}  // namespace terrace::os
