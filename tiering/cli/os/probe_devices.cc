// SPDX-License-Identifier: Apache-2.0
#include <hwloc.h>
#include <numa.h>

#include <string>

#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

Finding probe_bus(const char* name, const char* folder, const char* used_for, const char* remedy) {
  Finding finding{name, used_for, State::kMissing, "", remedy, false};
  const int count = entries_in(folder);
  finding.detail =
      count < 0 ? std::string("no ") + folder : std::to_string(count) + " in " + folder;
  if (count > 0) finding.state = State::kThere;
  return finding;
}

std::string version_text(unsigned version) {
  return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 0xFF) + "." +
         std::to_string(version & 0xFF);
}

Finding probe_hwloc() {
  Finding finding{"hwloc", "discovery of nodes, sizes and HMAT figures", State::kThere, "", "",
                  false};
  const unsigned version = hwloc_get_api_version();
  finding.detail = "interface " + version_text(version);
  if (version >> 16 != HWLOC_API_VERSION >> 16) {
    finding.state = State::kMissing;
    finding.detail += ", built for " + version_text(HWLOC_API_VERSION);
    finding.remedy = "build Terrace again on this machine";
  }
  return finding;
}

Finding probe_numa() {
  Finding finding{"libnuma",
                  "discovery of nodes",
                  State::kMissing,
                  "",
                  "a kernel with CONFIG_NUMA; sysfs serves without it",
                  false};
  const bool works = numa_available() >= 0;
  finding.detail = works ? "nodes up to " + std::to_string(numa_max_node())
                         : "says that this kernel has no NUMA policies";
  finding.detail += "; interface " + std::to_string(LIBNUMA_API_VERSION);
  if (works) finding.state = State::kThere;
  return finding;
}

}  // namespace

std::vector<Finding> probe_devices() {
  return {probe_bus("CXL devices", "/sys/bus/cxl/devices", "tiers behind a CXL link",
                    "a CXL type-3 device and the modules cxl_acpi, cxl_pci, cxl_mem"),
          probe_hwloc(), probe_numa()};
}

}  // namespace terrace::cli::os
