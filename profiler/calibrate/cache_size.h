// SPDX-License-Identifier: Apache-2.0
// Last-level cache sizes from sysfs, which measured memory must exceed.
// Thread-safe, reads only; allocates.
#pragma once

#include <string>

#include <terrace/units.h>

namespace terrace::calibrate {

struct CacheSizes {
  Bytes largest;  ///< the last-level cache that one thread sees
  Bytes total;    ///< all last-level caches of the machine
};

/// 32 MiB for both where sysfs does not tell: more than most, so that the memory is large enough.
CacheSizes read_cache_sizes(const std::string& sysfs_root);

}  // namespace terrace::calibrate
