// SPDX-License-Identifier: Apache-2.0
// What memory this machine has: tiers in order of speed, and what could not be known.
// First step of every command; never used inside another program's malloc.
// discover_topology() is thread-safe and reads only; it allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/export.h>
#include <terrace/result.h>
#include <terrace/tier.h>

namespace terrace {

struct DiscoveryOptions {
  std::string sysfs_root = "/sys";  ///< a captured tree serves the tests
  std::string tiers_file;           ///< TOML that overrides or adds tiers; empty: none
  std::string calibration_file;     ///< cached measurements to merge; empty: none
};

struct TERRACE_API Topology {
  std::string machine_id;  ///< stable hash of CPU model, nodes and their sizes, as 16 hex digits
  std::string cpu_model;
  int hardware_threads = 0;
  std::vector<Tier> tiers;            ///< fastest first
  std::vector<std::string> unknowns;  ///< what could not be learnt, and how to supply it

  bool emulated() const;  ///< any tier is an emulated link
  /// Without the tiers that are used on request alone.
  Topology usable() const;
  const Tier* find(const std::string& name) const;  ///< nullptr when there is none
};

/// hwloc and libnuma, sysfs where they are blind, then the user's file over both.
/// Errors: kUsage for a bad tier file (with line and remedy), kIo when sysfs cannot be read.
TERRACE_API Result<Topology> discover_topology(const DiscoveryOptions& options);

}  // namespace terrace
