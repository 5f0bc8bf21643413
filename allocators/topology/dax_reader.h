// SPDX-License-Identifier: Apache-2.0
// Reads the devices of the dax bus from a sysfs tree, live or captured: what memory each is made
// of, and who drives it. Part of discovery's first step, called by sysfs_reader.
// Thread-safe, reads only; allocates.
#pragma once

#include <string>
#include <vector>

#include "allocators/topology/machine_facts.h"

namespace terrace {

struct DaxFindings {
  std::vector<DaxDevice> devices;  ///< by name, those without size left out
  std::vector<std::string> notes;  ///< what made no sense, with the remedy
};

/// The kind comes from where the device hangs: below a CXL region of mode ram it is CXL memory;
/// below an ndbus, or a CXL region of mode pmem, it is persistent and may hold somebody's data, so
/// it is used on request only; elsewhere (memory that the firmware reserved, hmem) it is unknown
/// and volatile. Figures are the CXL region's, where the kernel gives it any (kCdat), else what its
/// devices say of themselves, without the way to them (kGuess). A node's figures are those of the
/// memory that it has already, and tell nothing of a device.
DaxFindings read_dax_devices(const std::string& sysfs_root);

}  // namespace terrace
