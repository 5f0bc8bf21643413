// SPDX-License-Identifier: Apache-2.0
// The machine's tiers as the settings want them: discovery, then the calibration's cache, then the
// tier file. Used by every verb that knows tiers. Thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "tiering/cli/settings.h"

namespace terrace::cli {

/// Errors are discover_topology's (kIo: a tier file that cannot be read), and load_calibration's
/// for a file that was named; a cache that is not there or does not fit is none.
Result<Topology> load_topology(const Settings& settings);

/// The same without the tiers that are used on request alone: for all verbs that put something into
/// them or count on them.
Result<Topology> load_usable_topology(const Settings& settings);

/// What terrace calibrate measures: the usable tiers, whatever was measured of them before.
Result<Topology> load_topology_to_calibrate(const Settings& settings);

/// Where calibrated figures of this machine are kept: --calibration, else the cache.
std::string calibration_path(const Settings& settings, const std::string& machine_id);

}  // namespace terrace::cli
