// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/baselines.h"

#include "allocators/extent/stripe.h"

namespace terrace::plan {

model::Assignment all_on_fastest(const model::Workload& workload) {
  model::Assignment where;
  for (const model::ObjectLoad& object : workload.objects) {
    where.emplace_back(object.blocks.size(), std::uint8_t{0});
  }
  return where;
}

model::Assignment first_touch(const model::Workload& workload, const Constraints& constraints,
                              TierRoom room) {
  model::Assignment where = all_on_fastest(workload);
  for (std::size_t o = 0; o < where.size(); ++o) {
    for (std::uint8_t& tier : where[o]) tier = room.take(0, constraints.allowed_of(o));
  }
  return where;
}

model::Assignment striped(const model::Workload& workload, const Constraints& constraints,
                          const std::vector<double>& weights, TierRoom room) {
  model::Assignment where = all_on_fastest(workload);
  for (std::size_t o = 0; o < where.size(); ++o) {
    auto& object = where[o];
    extent::stripe_blocks(weights.data(), static_cast<std::uint32_t>(weights.size()), object.data(),
                          object.size());
    for (std::uint8_t& tier : object) tier = room.take(tier, constraints.allowed_of(o));
  }
  return where;
}

}  // namespace terrace::plan
