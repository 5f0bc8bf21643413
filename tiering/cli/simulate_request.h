// SPDX-License-Identifier: Apache-2.0
// What `terrace simulate` was asked for: workloads, policies and tiers, from the settings.
// First step of the verb. Thread-safe; allocates.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "tiering/cli/settings.h"
#include "tiering/simulate/comparison.h"
#include "tiering/simulate/session_workload.h"

namespace terrace::cli {

struct SimulatedWorkload {
  simulate::WorkloadSource source;
  std::shared_ptr<simulate::RecordedRun> recorded;  ///< of a session; else null
};

/// By --workload. Errors: kUsage for an unknown name, with the nearest one, or a bad file; kIo.
Result<std::vector<SimulatedWorkload>> wanted_workloads(const Settings& settings);

/// By --policies or --all-policies. Error kUsage for an unknown name, with the nearest one, one
/// that is named twice, or none.
Result<std::vector<const policy::PolicySpec*>> wanted_policies(const Settings& settings);

/// --steps, a quarter of which is warm-up. Error kUsage below 4 and above 10,000,000.
Result<simulate::ComparisonOptions> wanted_steps(const Settings& settings);

struct SimulatedMachine {
  Topology topology;
  policy::Machine machine;
};

/// Two simulated tiers sized for the workload, or the machine's own. Errors: those of
/// load_usable_topology and machine_of; kUsage for a bad share or ratio, or one given beside real
/// tiers.
Result<SimulatedMachine> wanted_machine(const Settings& settings,
                                        const SimulatedWorkload& workload);

}  // namespace terrace::cli
