// SPDX-License-Identifier: Apache-2.0
// One policy over one stream of events: places, reads, moves, and the time that they take by the
// step-time model (docs/model.md), with moves on the links (docs/simulator.md). The heart of the
// simulator; comparison.h runs many side by side.
// Not thread-safe; allocates on construction, and as the policy does. Memory does not grow with the
// number of steps. One block read costs about 10 ns and what the policy does with it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <terrace/result.h>

#include "tiering/policy/policy.h"
#include "tiering/simulate/workload.h"

namespace terrace::simulate {

/// Sums over the steps that count.
struct ReplayTotals {
  std::uint64_t steps = 0;
  double seconds = 0;
  std::uint64_t blocks_read = 0;
  std::uint64_t blocks_hit = 0;  ///< of which lay on the fastest tier when they were asked for
  std::uint64_t moves = 0;       ///< blocks moved from one tier to another
  std::uint64_t back_and_forth = 0;

  double step_seconds() const { return steps > 0 ? seconds / static_cast<double>(steps) : 0; }
  double hit_share() const {
    return blocks_read > 0 ? static_cast<double>(blocks_hit) / static_cast<double>(blocks_read) : 0;
  }
};

class Replay {
 public:
  /// `machine` and `layout` outlive the replay; `planned_tiers` is taken over.
  Replay(const policy::Machine& machine, const policy::Layout& layout,
         const policy::PolicySpec& spec, std::vector<std::uint8_t> planned_tiers);

  /// Error kInfeasible when the blocks that exist exceed the tiers.
  Status step(std::span<const Event> events);
  /// Forgets what was summed so far; places and the policy's knowledge stay.
  void start_counting();
  /// Charges what is still to be moved. Once, after the last step.
  void finish();

  const ReplayTotals& totals() const { return totals_; }
  const policy::PlacementTable& table() const { return table_; }

 private:
  Status allocate(const Event& event);
  void release(const Event& event);
  void read(const Event& event);
  void charge_faults();
  void end_phase();
  void end_step();

  const policy::Machine& machine_;
  std::vector<std::uint8_t> planned_tiers_;
  policy::PlacementTable table_;
  std::unique_ptr<policy::Policy> policy_;
  ReplayTotals totals_;
  policy::MoveCounts counted_from_;

  // Of the phase at hand, by tier, in blocks.
  std::vector<std::uint64_t> streamed_;
  std::vector<std::uint64_t> routed_;
  std::vector<std::uint64_t> links_seen_;
  std::uint64_t moves_seen_ = 0;
  // Background moves: blocks on each link that the step at hand has to carry.
  std::vector<double> backlog_;
  std::uint64_t step_blocks_ = 0;
  std::uint64_t step_ = 0;
  policy::StepView view_;
};

}  // namespace terrace::simulate
