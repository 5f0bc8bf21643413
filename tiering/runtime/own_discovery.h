// SPDX-License-Identifier: Apache-2.0
// Plain LD_PRELOAD without the command line: when TERRACE_CONF names a policy and no flat file is
// given, the tiers are the machine's NUMA nodes as sysfs shows them, one for each kind of memory
// (own_nodes.h): hbm, dram, cxl, pmem, and one named "other" for nodes that nothing describes.
// Resident: static storage, libc only, called once before threads.
#pragma once

#include <terrace/result.h>

#include "tiering/runtime/flat_plan.h"

namespace terrace::runtime {

/// Reads the keys policy, bind, threshold, mmap-threshold, live-status, strict and verbose of
/// `conf`
/// ("key:value,..."; keys that only the command line has are left to it) and, when there is a
/// policy, the nodes below `sysfs_root`. The view stays invalid, without an error, when there is
/// nothing to place: no policy, or one tier only. Errors: kUsage for a bad value.
Status discover_own(const char* conf, const char* sysfs_root, FlatView& view);

}  // namespace terrace::runtime
