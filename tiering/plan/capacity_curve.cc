// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/capacity_curve.h"

#include <algorithm>

namespace terrace::plan {
namespace {

std::uint64_t blocks_of(const heat::HeatMap& heat) {
  std::uint64_t blocks = 0;
  for (const heat::ObjectHeat& object : heat.objects) {
    blocks += object.block_bytes_per_second.size();
  }
  return blocks;
}

/// Ascending, in blocks.
std::vector<std::uint64_t> capacities(std::uint64_t all, std::uint64_t today, std::size_t points) {
  constexpr std::uint64_t kLeastPart = 16;
  const std::uint64_t least =
      std::max<std::uint64_t>(1, std::min(all / kLeastPart, std::max<std::uint64_t>(today, 1)));
  const std::uint64_t most = std::max(least, all);
  std::vector<std::uint64_t> list;
  for (std::size_t i = 0; i < points; ++i) {
    list.push_back(least + (most - least) * i / std::max<std::size_t>(points - 1, 1));
  }
  if (today > least && today < most) list.push_back(today);
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

}  // namespace

Result<std::vector<CapacityStep>> capacity_curve(const heat::HeatMap& heat, Topology topology,
                                                 const PlannerOptions& options,
                                                 std::size_t points) {
  if (topology.tiers.size() < 2) {
    return make_error(ErrorCode::kUsage, 0,
                      "the machine has one tier, so that its capacity changes no step; describe a "
                      "second one in a tier file and record with --tiers");
  }
  const std::uint64_t today = topology.tiers.front().capacity.value.value >> kBlockShift;
  std::vector<CapacityStep> curve;
  for (const std::uint64_t blocks : capacities(blocks_of(heat), today, points)) {
    topology.tiers.front().capacity = {Bytes(blocks << kBlockShift), Provenance::kUserFile};
    const Result<Plan> plan = make_plan(heat, topology, options);
    if (plan.ok()) {
      curve.push_back({Bytes(blocks << kBlockShift), plan->first_touch.step_seconds,
                       plan->planned.step_seconds});
    } else if (plan.error().code != ErrorCode::kInfeasible) {
      return plan.error();
    }
  }
  if (curve.empty()) {
    return make_error(ErrorCode::kInfeasible, 0,
                      "the objects fit these tiers at no capacity of the fastest one");
  }
  return curve;
}

}  // namespace terrace::plan
