// SPDX-License-Identifier: Apache-2.0
// Compiles topology, options and an optional plan into the flat file that the runtime maps
// (tiering/runtime/flat_plan.h). Last step before `run` and `record` start a program.
// Thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "tiering/plan/plan.h"
#include "tiering/runtime/flat_plan.h"

namespace terrace::plan {

/// What a process under the shim is told besides the plan.
struct RuntimeOptions {
  Bytes threshold = MiB(1);
  Bytes mmap_threshold = MiB(16);
  Bytes file_threshold = MiB(16);
  Bytes late_size = MiB(64);
  std::uint32_t late_age_ms = 250;
  runtime::DefaultPolicy policy = runtime::DefaultPolicy::kFirstTouch;
  runtime::BindMode bind = runtime::BindMode::kAdvisory;
  std::uint32_t window_hz = 64;
  std::uint32_t source = 0;          ///< session::SourceKind; 0: the first that works
  std::uint32_t budget_ppm = 10000;  ///< of the program's CPU time; 0: no limit
  std::vector<sources::SampleEvent> sample_events;  ///< for memory samples; 4 at most are taken
  bool record = false;
  bool strict = false;
  bool verbose = false;
  runtime::Materialize materialize = runtime::Materialize::kAuto;
  bool live_status = true;  ///< answers `terrace status` while it runs
  std::uint32_t file_return_ms = 10000;
  std::uint32_t record_ms = 0;  ///< recording ends after so long; 0: with the program
  session::SplitRule split;     ///< of the recording over files
  std::string session_path;
  std::string status_path;
};

/// Writes `path` (mode 600, atomically). Errors: kUsage when the plan is for another machine, names
/// a tier that the topology lacks, holds shares above 1 or a map of the wrong length, or when the
/// fastest tier has 0 bytes; kIo when the file cannot be written. `plan` may be null.
Status write_flat(const std::string& path, const Topology& topology, const Plan* plan,
                  const RuntimeOptions& options);

}  // namespace terrace::plan
