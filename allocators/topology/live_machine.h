// SPDX-License-Identifier: Apache-2.0
// What hwloc and libnuma know of the machine that this process runs on, laid over what sysfs told.
// Second step of discovery, for the live machine only (ADR 0002). Thread-safe; allocates.
#pragma once

#include "allocators/topology/machine_facts.h"

namespace terrace {

/// hwloc supplies CPU model, hardware threads, node sizes and the figures that sysfs lacks; libnuma
/// supplies missing distances and the nodes that this process may use: others leave `facts` with a
/// note. Where a library is silent or fails, the sysfs figures stay and a note says so. Devices
/// that cannot be opened leave with a note, and mounts get their free space.
void overlay_live_machine(MachineFacts& facts);

}  // namespace terrace
