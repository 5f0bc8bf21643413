// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/plan_check.h"

#include <cmath>
#include <set>
#include <tuple>

namespace terrace::plan {
namespace {

Status check_shares(const PlannedObject& object, std::size_t index, std::size_t tier_count) {
  double sum = 0;
  bool in_range = object.shares.size() == tier_count;
  for (double share : object.shares) {
    in_range = in_range && share >= 0 && share <= 1 + kShareTolerance;
    sum += share;
  }
  if (in_range && std::fabs(sum - 1) <= kShareTolerance) return ok_status();
  return make_error(ErrorCode::kUsage, 0,
                    "plan: object %zu (%.60s): %zu shares that sum to %g; one of 0 to 1 for each "
                    "of the %zu tiers must sum to 1; plan again",
                    index, object.label.c_str(), object.shares.size(), sum, tier_count);
}

Status check_map(const PlannedObject& object, std::size_t index, std::size_t tier_count) {
  const std::uint64_t blocks = blocks_for(Bytes(object.key.size_bytes));
  if (object.key.size_bytes == 0 || object.block_tiers.size() != blocks) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: object %zu (%.60s) of %llu bytes: its map has %zu blocks, not %llu; "
                      "plan again",
                      index, object.label.c_str(),
                      static_cast<unsigned long long>(object.key.size_bytes),
                      object.block_tiers.size(), static_cast<unsigned long long>(blocks));
  }
  for (std::size_t block = 0; block < object.block_tiers.size(); ++block) {
    if (object.block_tiers[block] < tier_count) continue;
    return make_error(ErrorCode::kUsage, 0,
                      "plan: object %zu (%.60s), block %zu: tier %u of %zu; plan again", index,
                      object.label.c_str(), block, object.block_tiers[block], tier_count);
  }
  return ok_status();
}

}  // namespace

Status check_plan(const Topology& topology, const Plan& plan) {
  if (plan.machine_id != topology.machine_id) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: made for machine %.40s, this is %.40s; record and plan here",
                      plan.machine_id.c_str(), topology.machine_id.c_str());
  }
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, Origin>> keys;
  for (std::size_t i = 0; i < plan.objects.size(); ++i) {
    const PlannedObject& object = plan.objects[i];
    if (Status checked = check_shares(object, i, plan.tiers.size()); !checked) return checked;
    if (Status checked = check_map(object, i, plan.tiers.size()); !checked) return checked;
    const ObjectKey& key = object.key;
    if (keys.emplace(key.site_hash, key.size_bytes, key.ordinal, key.origin).second) continue;
    return make_error(ErrorCode::kUsage, 0,
                      "plan: object %zu (%.60s) is there twice; remove one of the two", i,
                      object.label.c_str());
  }
  return ok_status();
}

}  // namespace terrace::plan
