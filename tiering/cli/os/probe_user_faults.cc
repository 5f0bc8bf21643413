// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tiering/cli/os/file_descriptor.h"
#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

constexpr const char* kRemedy =
    "run as root, or as root: sysctl vm.unprivileged_userfaultfd=1, or give your user access to "
    "/dev/userfaultfd (Linux 6.1)";

// In Linux 6.7's header, not in the 6.1 one of Debian 12.
constexpr std::uint64_t kFeatureWriteProtectAsync = std::uint64_t{1} << 15;

struct Opened {
  FileDescriptor fd;
  std::uint64_t features = 0;
  int why = 0;
  const char* by = "";
};

/// The system call; the device where that is refused.
Opened open_user_fault() {
  Opened opened;
  opened.by = "system call";
  opened.fd = FileDescriptor(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  if (!opened.fd.valid()) {
    opened.why = errno;
    const FileDescriptor device(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    if (!device.valid()) return opened;
    opened.by = "/dev/userfaultfd";
    opened.fd = FileDescriptor(ioctl(device.get(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK));
    if (!opened.fd.valid()) return opened;
  }
  // Asked for nothing, the kernel tells all that it has.
  uffdio_api api = {};
  api.api = UFFD_API;
  if (ioctl(opened.fd.get(), UFFDIO_API, &api) == 0) {
    opened.features = api.features;
    opened.why = 0;
  } else {
    opened.why = errno;
  }
  return opened;
}

/// Registers one block of a memory file, as an emulated link does. 0, or errno.
int try_minor_mode(int user_fault, unsigned memfd_flags) {
  const FileDescriptor file(memfd_create("terrace-doctor", MFD_CLOEXEC | memfd_flags));
  if (!file.valid()) return errno;
  if (fallocate(file.get(), 0, 0, static_cast<off_t>(kHugePage)) != 0) return errno;
  const ProbeMapping mapping(file.get(), kHugePage);
  if (!mapping.valid()) return errno;
  uffdio_register range = {};
  range.range.start = reinterpret_cast<std::uint64_t>(mapping.at());
  range.range.len = kHugePage;
  range.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR;
  return ioctl(user_fault, UFFDIO_REGISTER, &range) == 0 ? 0 : errno;
}

/// A descriptor with the minor modes asked for: without asking, registering is refused.
Finding minor_mode(const char* name, std::uint64_t feature, unsigned memfd_flags,
                   const char* used_for, const char* remedy) {
  Finding finding{name, used_for, State::kMissing, "", remedy, false};
  const FileDescriptor fd(static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  if (!fd.valid()) {
    finding.detail = "no userfaultfd to try it with: " + reason(errno);
    return finding;
  }
  uffdio_api api = {};
  api.api = UFFD_API;
  api.features = feature;
  const int why =
      ioctl(fd.get(), UFFDIO_API, &api) != 0 ? errno : try_minor_mode(fd.get(), memfd_flags);
  finding.detail = why == 0 ? "a block was registered" : "registering a block: " + reason(why);
  if (why == 0) finding.state = State::kThere;
  return finding;
}

}  // namespace

std::vector<Finding> probe_user_faults() {
  const Opened opened = open_user_fault();
  Finding open_finding{"userfaultfd",   "emulated tiers, moves without lost writes",
                       State::kMissing, "",
                       kRemedy,         true};
  if (opened.why == 0) {
    open_finding.state = State::kThere;
    open_finding.detail = std::string("opened by ") + opened.by + ", kernel faults included";
    const bool async = (opened.features & kFeatureWriteProtectAsync) != 0;
    open_finding.detail += async ? "; asynchronous write tracking too" : "";
  } else {
    open_finding.detail = "open: " + reason(opened.why);
  }
  return {open_finding,
          minor_mode("userfaultfd minor mode, huge pages", UFFD_FEATURE_MINOR_HUGETLBFS,
                     MFD_HUGETLB, "emulated tiers at full speed",
                     "Linux 5.13 and a free huge page (sysctl vm.nr_overcommit_hugepages=512)"),
          minor_mode("userfaultfd minor mode, 4 KiB pages", UFFD_FEATURE_MINOR_SHMEM, 0,
                     "emulated tiers where huge pages are short", "Linux 5.14")};
}

}  // namespace terrace::cli::os
