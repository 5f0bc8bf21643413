// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/present.h"

#include <map>
#include <tuple>

#include "allocators/base/count_of.h"
#include "tiering/plan/constraints.h"

namespace terrace::plan {
namespace {

using KeyOrder = std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, Origin>;

KeyOrder order_of(const ObjectKey& key) {
  return {key.site_hash, key.size_bytes, key.ordinal, key.origin};
}

// Index in `now` of each of the plan's tiers, by name: tiers may have come, gone or changed order.
std::vector<std::uint8_t> tiers_today(const Plan& present, const std::vector<Tier>& now,
                                      std::vector<std::string>& notes) {
  std::vector<std::uint8_t> today;
  for (const Tier& tier : present.tiers) {
    std::uint8_t index = kNowhere;
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (now[i].name == tier.name) index = static_cast<std::uint8_t>(i);
    }
    if (index == kNowhere) {
      notes.push_back("tier " + tier.name +
                      " of the present plan is gone: what lay there is placed anew");
    }
    today.push_back(index);
  }
  return today;
}

}  // namespace

Result<model::Assignment> present_assignment(const Plan& present, const heat::HeatMap& heat,
                                             const model::Workload& workload,
                                             const std::vector<Tier>& tiers,
                                             std::vector<std::string>& notes) {
  if (present.machine_id != heat.machine_id) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: the present plan is of machine %.40s, the session of %.40s; give the "
                      "plan that this machine runs",
                      present.machine_id.c_str(), heat.machine_id.c_str());
  }
  const std::vector<std::uint8_t> today = tiers_today(present, tiers, notes);
  std::map<KeyOrder, const PlannedObject*> by_key;
  for (const PlannedObject& object : present.objects) by_key[order_of(object.key)] = &object;
  model::Assignment where;
  std::size_t found = 0;
  for (const model::ObjectLoad& load : workload.objects) {
    where.emplace_back(load.blocks.size(), kNowhere);
    const auto entry = by_key.find(order_of(heat.objects[load.heat_index].key));
    if (entry == by_key.end()) continue;
    const std::vector<std::uint8_t>& map = entry->second->block_tiers;
    if (map.size() != load.blocks.size()) continue;
    ++found;
    for (std::size_t b = 0; b < map.size(); ++b) {
      if (map[b] < today.size()) where.back()[b] = today[map[b]];
    }
  }
  if (found == 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: the present plan (%s) and the session (%zu) share no object; "
                      "give the plan under which the session was recorded",
                      count_of(present.objects.size(), "object").c_str(), workload.objects.size());
  }
  if (found < workload.objects.size()) {
    notes.push_back(count_of(workload.objects.size() - found, "object") +
                    " of the session not in the present plan: placed as new");
  }
  return where;
}

}  // namespace terrace::plan
