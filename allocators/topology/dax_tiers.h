// SPDX-License-Identifier: Apache-2.0
// Makes tiers of dax devices and of filesystems on persistent memory. Third step of discovery,
// after the tiers of nodes. Pure; allocates.
#pragma once

#include <vector>

#include <terrace/tier.h>

#include "allocators/topology/machine_facts.h"

namespace terrace {

/// Appends a tier for each device that device_dax drives, this process may open and whose pages are
/// no larger than our blocks, then one for
/// each mount. Names are those of the kinds, with a number from the second on ("cxl", "cxl2"); a
/// device of no known kind is called as the kernel calls it. Each is a tier of its own: mappings do
/// not run across devices.
void add_dax_tiers(const MachineFacts& facts, std::vector<Tier>& tiers);

}  // namespace terrace
