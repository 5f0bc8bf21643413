// SPDX-License-Identifier: Apache-2.0
// What DAX tiers need, and what the kernel does with nodes by itself.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "allocators/topology/dax_mounts.h"
#include "allocators/topology/dax_reader.h"
#include "tiering/cli/os/file_descriptor.h"
#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

/// 0, or why one unit of the descriptor cannot be mapped shared. Nothing is touched.
int try_mapping(int fd, std::size_t bytes, int more_flags) {
  void* const at =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | more_flags, fd, 0);
  if (at == MAP_FAILED) return errno;
  return munmap(at, bytes) == 0 ? 0 : errno;
}

std::string try_device(const DaxDevice& device) {
  if (device.driver == DaxDriver::kKmem) return device.name + " is memory of a node";
  if (device.driver == DaxDriver::kNone) return device.name + " has no driver";
  const std::string path = "/dev/" + device.name;
  const FileDescriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return "opening " + path + ": " + reason(errno);
  const int why = try_mapping(file.get(), device.align.value, 0);
  return why == 0 ? path + " can be mapped" : "mapping " + path + ": " + reason(why);
}

Finding probe_device_dax() {
  Finding finding{"dax devices",
                  "tiers mapped as devices (devdax)",
                  State::kMissing,
                  "none on /sys/bus/dax",
                  "CXL or persistent memory in devdax mode (daxctl reconfigure-device "
                  "--mode=devdax, ndctl create-namespace --mode=devdax), and rights to /dev/dax*",
                  false};
  const DaxFindings found = read_dax_devices("/sys");
  std::size_t mapped = 0;
  for (const DaxDevice& device : found.devices) {
    const std::string outcome = try_device(device);
    if (outcome.ends_with("can be mapped")) ++mapped;
    finding.detail = (&device == &found.devices.front() ? "" : finding.detail + "; ") + outcome;
  }
  if (mapped > 0) finding.state = mapped == found.devices.size() ? State::kThere : State::kPartly;
  return finding;
}

/// MAP_SYNC is refused unless the file's pages are the memory itself (mmap(2)).
std::string try_mount(const DaxMount& mount) {
  const FileDescriptor file(open(mount.folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.valid()) return "a file in " + mount.folder + ": " + reason(errno);
  if (const int why = posix_fallocate(file.get(), 0, static_cast<off_t>(kHugePage)); why != 0)
    return "2 MiB in " + mount.folder + ": " + reason(why);
  const int why = try_mapping(file.get(), kHugePage, MAP_SYNC);
  return why == 0 ? mount.folder + " maps its memory"
                  : "mapping a file in " + mount.folder + ": " + reason(why);
}

Finding probe_file_dax() {
  Finding finding{"fsdax",
                  "tiers of files on persistent memory",
                  State::kMissing,
                  "no writable file system is mounted with dax",
                  "ext4 or xfs on a pmem device, mounted with -o dax=always, and a folder there "
                  "that you may write",
                  false};
  const std::vector<DaxMount> mounts = read_dax_mounts("/sys", "/proc");
  std::size_t mapped = 0;
  for (const DaxMount& mount : mounts) {
    const std::string outcome = try_mount(mount);
    if (outcome.ends_with("maps its memory")) ++mapped;
    finding.detail = (&mount == &mounts.front() ? "" : finding.detail + "; ") + outcome;
  }
  if (mapped > 0) finding.state = mapped == mounts.size() ? State::kThere : State::kPartly;
  return finding;
}

Finding probe_weights() {
  Finding finding{"interleave weights",
                  "stripes that the kernel makes over nodes",
                  State::kMissing,
                  "",
                  "Linux 6.9 or newer; until then Terrace binds each part of a stripe itself",
                  false};
  const std::string folder = "/sys/kernel/mm/mempolicy/weighted_interleave";
  for (int node = 0; node < 1024; ++node) {
    const std::string weight = first_line(folder + "/node" + std::to_string(node));
    if (weight.empty()) continue;
    finding.detail +=
        (finding.detail.empty() ? "node " : ", node ") + std::to_string(node) + ": " + weight;
  }
  if (finding.detail.empty()) {
    finding.detail = "no " + folder;
  } else {
    finding.state = State::kThere;
  }
  return finding;
}

/// With one node there is nowhere to move pages to.
Finding probe_balancing() {
  Finding finding{"kernel leaves pages in place",
                  "placement that lasts",
                  State::kThere,
                  "",
                  "as root, while Terrace places: sysctl kernel.numa_balancing=0; "
                  "echo 0 > /sys/kernel/mm/numa/demotion_enabled",
                  false};
  const std::string balancing = first_line("/proc/sys/kernel/numa_balancing");
  const std::string demotion = first_line("/sys/kernel/mm/numa/demotion_enabled");
  const std::string memory = first_line("/sys/devices/system/node/has_memory");
  const bool balances = !balancing.empty() && balancing != "0";
  const bool demotes = demotion == "true" || demotion == "1";
  finding.detail = "kernel.numa_balancing " + (balancing.empty() ? "is not there" : balancing) +
                   ", demotion " + (demotes ? "on" : "off");
  if (!balances && !demotes) return finding;
  if (memory.find_first_of(",-") == std::string::npos) {
    finding.detail += "; one node, so nothing moves";
    return finding;
  }
  finding.state = State::kPartly;
  finding.detail += "; the kernel moves pages between nodes by itself";
  return finding;
}

}  // namespace

std::vector<Finding> probe_tiers() {
  return {probe_device_dax(), probe_file_dax(), probe_weights(), probe_balancing()};
}

}  // namespace terrace::cli::os
