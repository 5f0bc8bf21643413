// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "tiering/cli/os/file_descriptor.h"
#include "tiering/cli/os/huge_page_budget.h"
#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

Finding probe_limit() {
  const HugePageFiles files;
  Finding finding{"huge-page limit",
                  "raised by run and record for the life of the program",
                  State::kMissing,
                  "",
                  "run as root, or as root: sysctl "
                  "vm.nr_overcommit_hugepages=N with N x 2 MiB for the tiers in use",
                  false};
  const std::string limit = first_line(files.overcommit);
  const FileDescriptor file(open(files.overcommit.c_str(), O_WRONLY | O_CLOEXEC));
  const int why = file.valid() ? 0 : errno;
  const std::string now = limit.empty() ? "not readable" : "now " + limit;
  finding.detail = "vm.nr_overcommit_hugepages " + now +
                   (why == 0 ? ", can be raised" : ", cannot be raised: " + reason(why));
  if (why == 0)
    finding.state = State::kThere;
  else if (!limit.empty() && limit != "0")
    finding.state = State::kPartly;
  return finding;
}

/// Allocates one page, as an extent does, and gives it back by closing the file.
Finding probe_memory_file() {
  Finding finding{"huge-page memory files",
                  "emulated tiers and recording at full speed",
                  State::kMissing,
                  "",
                  "as root: sysctl vm.nr_overcommit_hugepages=N; terrace run "
                  "does it by itself when it may. Without them 4 KiB pages serve, more slowly",
                  false};
  const FileDescriptor file(memfd_create("terrace-doctor", MFD_CLOEXEC | MFD_HUGETLB));
  const bool made = file.valid() && fallocate(file.get(), 0, 0, static_cast<off_t>(kHugePage)) == 0;
  finding.detail = made ? "one page of 2 MiB was allocated and given back"
                        : "allocating one page: " + reason(errno);
  if (made) finding.state = State::kThere;
  return finding;
}

Finding probe_transparent() {
  const std::string root = "/sys/kernel/mm/transparent_hugepage/";
  const std::string enabled = first_line(root + "enabled");
  Finding finding{"transparent huge pages",
                  "placed memory that is neither emulated nor recorded",
                  State::kMissing,
                  "",
                  "as root: echo madvise > " + root + "enabled",
                  false};
  finding.detail = enabled.empty() ? "this kernel has none" : enabled;
  const std::string shared = first_line(root + "shmem_enabled");
  if (!shared.empty()) finding.detail += "; shared memory: " + shared;
  if (!enabled.empty() && enabled.find("[never]") == std::string::npos)
    finding.state = State::kThere;
  return finding;
}

}  // namespace

std::vector<Finding> probe_huge_pages() {
  return {probe_memory_file(), probe_limit(), probe_transparent()};
}

}  // namespace terrace::cli::os
