// SPDX-License-Identifier: Apache-2.0
// One policy over one synthetic workload, for tests. Throws nothing; a failure is a test failure.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tiering/policy/registry.h"
#include "tiering/simulate/comparison.h"
#include "tiering/simulate/machine_of.h"

namespace terrace::simulate::policy_fixture {

struct Shape {
  double fast_share = 0.5;
  double slow_ratio = 0.25;
  double engine_seconds_per_byte = 0;  ///< 0: as fast as the fast tier
  std::uint64_t steps = 800;
  std::uint64_t warmup_steps = 200;
};

struct RunOutcome {
  ReplayTotals totals;
  double bound_step_seconds = 0;
  std::uint64_t free_fast_blocks = 0;
};

inline RunOutcome run_policy(const std::string& policy, const std::string& workload,
                             const Shape& shape) {
  RunOutcome outcome;
  const SyntheticSpec* spec = find_synthetic(workload);
  const policy::PolicySpec* wanted = policy::find_policy(policy);
  if (spec == nullptr || wanted == nullptr) {
    ADD_FAILURE() << policy << " or " << workload << " is unknown";
    return outcome;
  }
  const std::uint32_t blocks = spec->make(1)->layout().blocks();
  const Topology topology = two_tiers({shape.fast_share, shape.slow_ratio, GBps(100)}, blocks);
  const auto machine = machine_of(topology, shape.engine_seconds_per_byte, blocks);
  if (!machine.ok()) {
    ADD_FAILURE() << machine.error().message;
    return outcome;
  }
  ComparisonOptions options;
  options.steps = shape.steps;
  options.warmup_steps = shape.warmup_steps;
  const auto result = compare(synthetic_source(*spec, 1), topology, *machine, {wanted}, options);
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message;
    return outcome;
  }
  outcome.totals = result->policies[0].totals;
  outcome.bound_step_seconds = result->bound_step_seconds;
  outcome.free_fast_blocks = result->policies[0].free_fast_blocks;
  return outcome;
}

}  // namespace terrace::simulate::policy_fixture
