// SPDX-License-Identifier: Apache-2.0
// From settings to the flat file that the program's runtime maps. Second step of launch().
// Thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

#include "tiering/cli/settings.h"
#include "tiering/plan/flat_writer.h"

namespace terrace::cli {

struct FlatRequest {
  const Settings& settings;
  std::string plan_path;          ///< empty: no plan
  std::string session_path;       ///< empty: no recording
  std::string flat_path;          ///< the file to write
  session::SplitRule split = {};  ///< of the recording over files
};

struct PreparedFlat {
  Bytes huge_page_need;  ///< capacity of the tiers whose pages come from huge-page memfds
  bool emulated = false;
};

/// Errors: those of discovery, of reading the plan and of write_flat.
Result<PreparedFlat> prepare_flat(const FlatRequest& request);

/// The part of the settings that the runtime is told.
plan::RuntimeOptions runtime_options(const Settings& settings);

/// Recording keeps every tier but the DAX ones in huge-page memfds (but for referenced bits),
/// placement only the emulated ones.
Bytes huge_page_need(const Topology& topology, const plan::RuntimeOptions& options);

}  // namespace terrace::cli
