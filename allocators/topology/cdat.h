// SPDX-License-Identifier: Apache-2.0
// What CXL devices say of themselves in their Coherent Device Attribute Tables, for regions that
// the kernel gives no figures. Part of discovery's first step, called by dax_reader.
// Thread-safe, reads only; allocates.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <terrace/units.h>

namespace terrace {

struct CdatFigures {
  std::optional<GBps> read_bandwidth;
  std::optional<Nanoseconds> read_latency;
};

/// The figures for volatile memory of one table (CDAT 1.03: DSMAS names a range of memory, DSLBIS
/// gives its latency in picoseconds and its bandwidth in MB/s); of several ranges the worst. Tables
/// that end early or contradict themselves tell as much as stands before that.
CdatFigures parse_cdat(std::string_view table);

/// Of the devices of a CXL region (`folder`), as the kernel sums them: bandwidths add, the longest
/// latency counts. Nothing unless every device's table can be read; only root can.
CdatFigures read_region_cdat(const std::string& folder, const std::string& sysfs_root);

}  // namespace terrace
