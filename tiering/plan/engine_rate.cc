// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/engine_rate.h"

#include <cstdio>

#include "tiering/model/step_model.h"
#include "tiering/plan/machine_figures.h"

namespace terrace::plan {
namespace {

using model::Assignment;
using model::Workload;

Result<Assignment> recorded_assignment(const heat::HeatMap& heat, const Workload& workload,
                                       std::size_t recorded_tiers,
                                       std::vector<std::string>& notes) {
  Assignment where;
  bool unknown_place = false;
  for (const model::ObjectLoad& load : workload.objects) {
    const heat::ObjectHeat& object = heat.objects[load.heat_index];
    if (object.block_tiers.empty()) {
      where.emplace_back(load.blocks.size(), std::uint8_t{0});
      unknown_place = true;
      continue;
    }
    if (object.block_tiers.size() != load.blocks.size()) {
      return make_error(ErrorCode::kUsage, 0,
                        "heat map: object %u (%s) has tiers for %zu of its %zu blocks; record the "
                        "session again",
                        load.heat_index, object.label.c_str(), object.block_tiers.size(),
                        load.blocks.size());
    }
    for (std::uint8_t tier : object.block_tiers) {
      if (tier < recorded_tiers) continue;
      return make_error(ErrorCode::kUsage, 0,
                        "heat map: object %u (%s) has a block on tier %u of %zu; record the "
                        "session again",
                        load.heat_index, object.label.c_str(), tier, recorded_tiers);
    }
    where.push_back(object.block_tiers);
  }
  if (unknown_place) {
    notes.push_back(
        "the recording does not say where some objects lay; the fastest tier is assumed");
  }
  return where;
}

model::EngineLimits engine_limits(const Tier& fastest) {
  model::EngineLimits limits;
  const double one = fastest.read_bandwidth_one.value.value;
  const double all = fastest.read_bandwidth.value.value;
  if (fastest.read_bandwidth_one.known() && one > 0) limits.one_thread = 1 / (one * 1e9);
  if (fastest.read_bandwidth.known() && all > 0) limits.all_threads = 1 / (all * 1e9);
  return limits;
}

}  // namespace

Result<double> engine_rate(const heat::HeatMap& heat, const Topology& topology,
                           const Workload& workload, std::vector<std::string>& notes) {
  const std::vector<Tier>& tiers = heat.tiers.empty() ? topology.tiers : heat.tiers;
  auto rates = seconds_per_byte(tiers, topology.tiers);
  if (!rates) return rates.error();
  auto where = recorded_assignment(heat, workload, tiers.size(), notes);
  if (!where) return where.error();
  model::EngineLimits limits = engine_limits(tiers.front());
  const Tier* same = tier_named(topology.tiers, tiers.front().name);
  if (limits.one_thread == 0 && same != nullptr) {
    limits.one_thread = engine_limits(*same).one_thread;
  }
  if (limits.all_threads == 0) limits.all_threads = rates->front();
  // An emulated link knows what it held the program up; the rest of the step is the engine's. Who
  // waits for it uses no CPU, so a single thread's CPU time is the engine's as well, without the
  // time that a wake-up takes.
  if (heat.emulated && heat.link_wait_share > 0 && heat.link_wait_share < 1) {
    double share = 1 - heat.link_wait_share;
    if (heat.program_cpu_share > 0 && heat.program_cpu_share < share)
      share = heat.program_cpu_share;
    const double own = workload.step_seconds * share;
    const double rate = own / workload.total_bytes_per_step();
    if (rate >= limits.one_thread) return rate;
  }
  const model::EngineFit fit = model::fit_engine(workload, *rates, *where, limits);
  if (fit.at_limit) {
    char note[240];
    std::snprintf(note, sizeof note,
                  "at the full bandwidth of tier %s the model predicts %.3f ms for the recorded "
                  "placement, recorded were %.3f ms: the bandwidth or the heat is off",
                  tiers.front().name.c_str(), fit.predicted_seconds * 1e3,
                  workload.step_seconds * 1e3);
    notes.emplace_back(note);
  }
  return fit.seconds_per_byte;
}

}  // namespace terrace::plan
