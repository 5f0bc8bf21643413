// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/verify.h"

#include <algorithm>
#include <cmath>

#include "allocators/base/count_of.h"

namespace terrace::cli {
namespace {

using heat::HeatMap;
using heat::ObjectHeat;
using plan::Plan;
using plan::PlannedObject;

const ObjectHeat* find_object(const HeatMap& heat, const ObjectKey& key) {
  for (const ObjectHeat& object : heat.objects) {
    if (object.key == key) return &object;
  }
  return nullptr;
}

Status check_machine(const Plan& plan, const HeatMap& heat) {
  if (plan.machine_id != heat.machine_id)
    return make_error(ErrorCode::kUsage, 0,
                      "the plan is of machine %s, the session of machine %s; record again on the "
                      "plan's machine",
                      plan.machine_id.c_str(), heat.machine_id.c_str());
  if (plan.tiers.size() != heat.tiers.size())
    return make_error(ErrorCode::kUsage, 0,
                      "the plan has %s, the session %zu; record under the plan's tier file",
                      count_of(plan.tiers.size(), "tier").c_str(), heat.tiers.size());
  for (std::size_t i = 0; i < plan.tiers.size(); ++i) {
    if (plan.tiers[i].name != heat.tiers[i].name)
      return make_error(ErrorCode::kUsage, 0,
                        "tier %zu is %s in the plan and %s in the session; record under the plan's "
                        "tier file",
                        i, plan.tiers[i].name.c_str(), heat.tiers[i].name.c_str());
  }
  return ok_status();
}

void compare_objects(const Plan& plan, const HeatMap& heat, Verdict& verdict) {
  std::uint64_t blocks = 0;
  std::uint64_t as_planned = 0;
  verdict.objects_in_plan = plan.objects.size();
  for (const PlannedObject& planned : plan.objects) {
    const ObjectHeat* found = find_object(heat, planned.key);
    if (found == nullptr) continue;
    ++verdict.objects_found;
    const std::size_t count = std::min(planned.block_tiers.size(), found->block_tiers.size());
    blocks += std::max(planned.block_tiers.size(), found->block_tiers.size());
    for (std::size_t i = 0; i < count; ++i)
      as_planned += planned.block_tiers[i] == found->block_tiers[i] ? 1 : 0;
  }
  if (blocks > 0)
    verdict.block_share_as_planned = static_cast<double>(as_planned) / static_cast<double>(blocks);
}

}  // namespace

Result<Verdict> verify_plan(const Plan& plan, const HeatMap& heat, double margin) {
  const Status machine = check_machine(plan, heat);
  if (!machine.ok()) return machine.error();
  Verdict verdict;
  compare_objects(plan, heat, verdict);
  if (verdict.objects_found == 0)
    return make_error(ErrorCode::kUsage, 0,
                      "none of the plan's %s is in the session; was the same program "
                      "recorded, with the same model?",
                      count_of(plan.objects.size(), "object").c_str());
  if (plan.per_second || !(plan.planned.step_seconds > 0))
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "the plan predicts no step, since the session it was made from held none; "
                      "record at least ten steps of steady work and plan again");
  if (!(heat.step_seconds > 0))
    return make_error(ErrorCode::kCapabilityMissing, 0,
                      "the session holds no step: no period was found in what was read; record at "
                      "least ten steps of steady work");
  verdict.predicted_seconds = plan.planned.step_seconds;
  verdict.measured_seconds = heat.step_seconds;
  verdict.difference = verdict.measured_seconds / verdict.predicted_seconds - 1;
  verdict.margin = margin;
  verdict.holds = std::abs(verdict.difference) <= margin;
  return verdict;
}

}  // namespace terrace::cli
