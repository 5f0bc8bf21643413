// SPDX-License-Identifier: Apache-2.0
// Access sources besides page-table bits: sampled loads and stores, DAMON, tracked writes.
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "profiler/sources/memory_samples.h"
#include "profiler/sources/write_tracking.h"
#include "tiering/cli/os/file_descriptor.h"
#include "tiering/cli/os/memory_events.h"
#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

constexpr const char* kDamon = "/sys/kernel/mm/damon/admin/kdamonds/";

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
                  "as root: sysctl kernel.perf_event_paranoid=2, or CAP_PERFMON; in a container a "
                  "seccomp profile that allows perf_event_open",
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
                  "source memory-samples: loads and stores by address (PEBS, IBS)",
                  State::kMissing,
                  "",
                  "bare metal, or a virtual machine whose PMU shows memory events; then "
                  "sysctl kernel.perf_event_paranoid=2 or CAP_PERFMON (AMD IBS: CAP_PERFMON)",
                  false};
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = PERF_COUNT_HW_CPU_CYCLES;
  const FileDescriptor cycles(open_event(attributes));
  const int why = cycles.valid() ? 0 : errno;
  const MemoryEvents found = find_memory_events(kEventSources);
  finding.detail = why == 0 ? "cycles can be counted" : "counting cycles: " + reason(why);
  finding.detail += "; " + found.detail;
  if (found.events.empty()) return finding;
  finding.state = State::kPartly;
  sources::MemorySamples samples;
  const Status attached =
      samples.attach(found.events.data(), static_cast<std::uint32_t>(found.events.size()));
  if (attached.ok()) finding.state = State::kThere;
  if (!attached.ok()) finding.detail += std::string("; ") + attached.error().message;
  samples.close();
  return finding;
}

Finding probe_write_tracking() {
  Finding finding{"write tracking",
                  "source write-tracking: pages written to, told from those read",
                  State::kMissing,
                  "",
                  "Linux 6.7 with userfaultfd, as root or with vm.unprivileged_userfaultfd=1",
                  false};
  sources::WriteTracking tracking;
  if (const Status opened = tracking.open({}); !opened.ok()) {
    finding.detail = opened.error().message;
    return finding;
  }
  const ProbeMapping memory(-1, 2 * kHugePage);
  if (!memory.valid()) {
    finding.detail = "memory: " + reason(errno);
    return finding;
  }
  const auto at = reinterpret_cast<std::uintptr_t>(memory.at());
  char* const block = memory.at() + (kHugePage - at % kHugePage) % kHugePage;
  const sources::BlockRun run{block, 0, 1};
  std::uint32_t pages = 0;
  *const_cast<volatile char*>(block) = 1;
  const int begun = tracking.begin_run(run);
  *const_cast<volatile char*>(block) = 2;
  const int ended = begun == 0 ? tracking.end_run(run, &pages) : begun;
  finding.detail = ended != 0   ? "watching a block: " + reason(ended)
                   : pages != 0 ? "a written page was found"
                                : "found nothing";
  if (ended == 0 && pages != 0) finding.state = State::kThere;
  return finding;
}

/// Looks only: another user's monitoring may be running.
Finding probe_damon() {
  Finding finding{
      "DAMON", "source damon: the kernel's monitor of a process's address space",  State::kMissing,
      "",      "as root, a kernel with CONFIG_DAMON_SYSFS and CONFIG_DAMON_VADDR", false};
  const std::string root = kDamon;
  if (access(root.c_str(), F_OK) != 0) {
    finding.detail = "no sysfs interface: " + reason(errno);
    return finding;
  }
  const std::string running = first_line(root + "nr_kdamonds");
  const bool writable = access((root + "nr_kdamonds").c_str(), W_OK) == 0;
  finding.state = State::kPartly;
  if (running.empty() || !writable) {
    finding.detail = "its sysfs interface is there, and not for this user";
  } else if (running != "0") {
    finding.detail = "somebody else monitors (" + running + " kdamonds): left alone";
    finding.remedy = "wait until nr_kdamonds is 0 again; the kernel needs CONFIG_DAMON_VADDR";
  } else {
    finding.detail = "free; whether it knows virtual address spaces shows when it starts";
  }
  return finding;
}

}  // namespace

std::vector<Finding> probe_sources() {
  return {probe_software_events(), probe_memory_samples(), probe_write_tracking(), probe_damon()};
}

}  // namespace terrace::cli::os
