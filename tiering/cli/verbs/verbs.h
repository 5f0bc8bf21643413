// SPDX-License-Identifier: Apache-2.0
// One function for each verb: what main() calls last. Each prints its own messages and returns the
// exit code. Not thread-safe; allocates.
#pragma once

#include <vector>

#include "tiering/cli/command_line.h"
#include "tiering/cli/settings.h"

namespace terrace::cli {

struct Call {
  const CommandLine& line;
  const Settings& settings;
  const std::vector<Error>& problems;  ///< of the configuration; empty except for wrapper verbs
};

int calibrate_verb(const Call& call);
int completion_verb(const Call& call);
int diff_verb(const Call& call);
int doctor_verb(const Call& call);
int export_verb(const Call& call);
int options_verb(const Call& call);
int plan_verb(const Call& call);
int record_verb(const Call& call);
int report_verb(const Call& call);
int run_verb(const Call& call);
int status_verb(const Call& call);
int simulate_verb(const Call& call);
int top_verb(const Call& call);
int topo_verb(const Call& call);
int verify_verb(const Call& call);
int wall_verb(const Call& call);

}  // namespace terrace::cli
