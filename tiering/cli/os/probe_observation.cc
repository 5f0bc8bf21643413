// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "tiering/cli/os/file_descriptor.h"
#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

constexpr std::size_t kPage = 4096;

// PAGEMAP_SCAN's argument (Documentation/admin-guide/mm/pagemap.rst, Linux 6.7), which Debian 12's
// headers lack.
struct ScanArgument {
  std::uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
  std::uint64_t category_inverted, category_mask, category_any, return_mask;
};
struct ScanRegion {
  std::uint64_t start, end, categories;
};
constexpr unsigned long kScan = _IOWR('f', 16, ScanArgument);
constexpr std::uint64_t kIsPresent = 1 << 3;

Finding probe_pagemap() {
  Finding finding{"pagemap",
                  "seeing which pages were touched while recording",
                  State::kMissing,
                  "",
                  "mount /proc without hidepid for your user; in a container allow "
                  "/proc/self/pagemap",
                  true};
  const FileDescriptor file(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  const ProbeMapping page(-1, kPage);
  if (!file.valid() || !page.valid()) {
    finding.detail = "open: " + reason(errno);
    return finding;
  }
  page.touch();
  std::uint64_t entry = 0;
  const auto at = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(page.at()) / kPage * 8);
  const bool read = pread(file.get(), &entry, sizeof entry, at) == sizeof entry;
  const bool present = read && (entry >> 63) == 1;
  finding.detail = present ? "a touched page shows as present" : "a touched page does not show";
  if (present) finding.state = State::kThere;
  return finding;
}

Finding probe_scan() {
  Finding finding{"PAGEMAP_SCAN",
                  "the same in one call for each range, cheaper",
                  State::kMissing,
                  "",
                  "Linux 6.7; without it pagemap is read page by page",
                  false};
  const FileDescriptor file(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  const ProbeMapping page(-1, kPage);
  if (page.valid()) page.touch();
  ScanRegion region = {};
  ScanArgument scan = {};
  scan.size = sizeof scan;
  scan.start = reinterpret_cast<std::uint64_t>(page.at());
  scan.end = scan.start + kPage;
  scan.regions = reinterpret_cast<std::uint64_t>(&region);
  scan.region_count = 1;
  scan.category_mask = kIsPresent;
  scan.return_mask = kIsPresent;
  const int found = file.valid() && page.valid() ? ioctl(file.get(), kScan, &scan) : -1;
  finding.detail = found == 1  ? "a touched page was found"
                   : found < 0 ? "ioctl: " + reason(errno)
                               : "found nothing";
  if (found == 1) finding.state = State::kThere;
  return finding;
}

Finding probe_referenced() {
  Finding finding{"referenced bits",
                  "the source of last resort while recording: bytes by mapping",
                  State::kMissing,
                  "",
                  "a kernel with CONFIG_PROC_PAGE_MONITOR",
                  false};
  const FileDescriptor file(open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  const bool cleared = file.valid() && write(file.get(), "1", 1) == 1;
  if (!cleared) {
    finding.detail = "clear_refs: " + reason(errno);
    return finding;
  }
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool referenced = false;
  while (!referenced && std::getline(maps, line)) referenced = line.starts_with("Referenced:");
  finding.detail = referenced ? "cleared, and smaps shows them" : "cleared, but smaps shows none";
  if (referenced) finding.state = State::kThere;
  return finding;
}

}  // namespace

std::vector<Finding> probe_observation() {
  return {probe_pagemap(), probe_scan(), probe_referenced()};
}

}  // namespace terrace::cli::os
