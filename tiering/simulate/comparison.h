// SPDX-License-Identifier: Apache-2.0
// Several policies over the same workload on the same machine, beside the offline optimum. Each
// step's events are made once and fed to all. What `terrace simulate` calls.
// Thread-safe (no shared state); allocates. Memory does not grow with the number of steps.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <terrace/result.h>
#include <terrace/topology.h>

#include "tiering/policy/policy.h"
#include "tiering/simulate/replay.h"
#include "tiering/simulate/synthetic.h"
#include "tiering/simulate/workload.h"

namespace terrace::simulate {

/// Which part of the workload: the plan must not be made from the run that it is judged by.
enum class Run : std::uint8_t {
  kRecorded = 0,  ///< another seed, or the first half of a trace
  kMeasured = 1,  ///< the run that counts
};

/// A workload by any of its origins.
struct WorkloadSource {
  std::string name;
  std::string summary;
  Constancy constancy = Constancy::kChanging;
  std::function<Result<std::unique_ptr<Workload>>(Run)> make;
  /// Tiers by the planner from a real recording; empty: a simulated run is recorded.
  std::function<Result<std::vector<std::uint8_t>>(const Topology&)> planned_tiers;
};

struct ComparisonOptions {
  std::uint64_t steps = 800;
  /// Steps before the ones that count, in which policies learn.
  std::uint64_t warmup_steps = 200;
  std::function<void(std::uint64_t step)> progress;  ///< called now and then; may be empty
};

struct PolicyOutcome {
  std::string name;
  ReplayTotals totals;
  double over_bound = 0;               ///< step time over the offline optimum's
  std::uint64_t free_fast_blocks = 0;  ///< at the end
  std::uint64_t moved_bytes() const { return totals.moves * kBlockBytes.value; }
};

struct Comparison {
  std::string workload;
  std::string summary;
  std::uint64_t workload_blocks = 0;
  std::uint64_t fast_blocks = 0;
  std::uint64_t steps = 0;  ///< that count
  std::uint64_t warmup_steps = 0;
  std::uint64_t window_steps = 0;  ///< of the offline optimum; 0: the whole run
  double bound_step_seconds = 0;
  std::vector<PolicyOutcome> policies;  ///< in the order asked for
};

/// Errors: kUsage when the workload ends within the warm-up; those of planner and replay.
Result<Comparison> compare(const WorkloadSource& source, const Topology& topology,
                           const policy::Machine& machine,
                           const std::vector<const policy::PolicySpec*>& policies,
                           const ComparisonOptions& options);

/// A synthetic workload; its recording has the next seed.
WorkloadSource synthetic_source(const SyntheticSpec& spec, std::uint64_t seed);

}  // namespace terrace::simulate
