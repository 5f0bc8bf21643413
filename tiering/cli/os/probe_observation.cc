// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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

int open_event(perf_event_attr& attributes) {
  attributes.size = sizeof attributes;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  attributes.disabled = 1;
  return static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

Finding probe_software_events() {
  Finding finding{"perf events",
                  "sampling through the kernel's ring buffer",
                  State::kMissing,
                  "",
                  "as root: sysctl kernel.perf_event_paranoid=2, or CAP_PERFMON",
                  false};
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_type = PERF_SAMPLE_ADDR;
  attributes.sample_period = 1;
  const FileDescriptor event(open_event(attributes));
  finding.detail = event.valid() ? "page faults with addresses can be sampled"
                                 : "page-fault event: " + reason(errno);
  finding.detail += "; paranoid level " + first_line("/proc/sys/kernel/perf_event_paranoid");
  if (event.valid()) finding.state = State::kThere;
  return finding;
}

Finding probe_memory_samples() {
  Finding finding{"PMU memory samples",
                  "loads by address (PEBS, IBS)",
                  State::kMissing,
                  "",
                  "bare metal, or a virtual machine with a PMU; CAP_PERFMON",
                  false};
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = PERF_COUNT_HW_CPU_CYCLES;
  const FileDescriptor cycles(open_event(attributes));
  const int why = cycles.valid() ? 0 : errno;
  const std::string root = "/sys/bus/event_source/devices/";
  const bool loads = access((root + "cpu/events/mem-loads").c_str(), F_OK) == 0 ||
                     access((root + "cpu_core/events/mem-loads").c_str(), F_OK) == 0;
  const bool ibs = access((root + "ibs_op").c_str(), F_OK) == 0;
  finding.detail = why == 0 ? "cycles can be counted" : "counting cycles: " + reason(why);
  finding.detail += loads ? "; PEBS loads" : ibs ? "; IBS" : "; no memory-load event";
  if (why == 0) finding.state = loads || ibs ? State::kThere : State::kPartly;
  return finding;
}

/// Looks only: another user's monitoring may be running.
Finding probe_damon() {
  Finding finding{"DAMON", "nothing yet; looked at, never touched", State::kMissing,
                  "",      "a kernel with CONFIG_DAMON_SYSFS",      false};
  const bool there = access("/sys/kernel/mm/damon/admin", F_OK) == 0;
  finding.detail = there ? "its sysfs interface is there" : "no sysfs interface";
  if (there) finding.state = State::kThere;
  return finding;
}

}  // namespace

std::vector<Finding> probe_observation() {
  return {probe_pagemap(),         probe_scan(),           probe_referenced(),
          probe_software_events(), probe_memory_samples(), probe_damon()};
}

}  // namespace terrace::cli::os
