// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/recording.h"

#include <algorithm>
#include <cmath>

#include "tiering/plan/planner.h"
#include "tiering/policy/registry.h"
#include "tiering/simulate/replay.h"

namespace terrace::simulate {
namespace {

// Steps of the recorded run, and what each block was read in those that count.
struct Recorded {
  std::vector<std::uint32_t> reads;
  std::uint64_t steps = 0;
  double step_seconds = 0;
};

heat::ObjectHeat object_heat(const policy::ObjectSpan& span, std::size_t index,
                             const Recorded& recorded, const policy::PlacementTable& table) {
  heat::ObjectHeat object;
  object.key = {index + 1, span.count * kBlockBytes.value, 0, Origin::kAnonymous};
  object.label = span.name;
  object.lifetime_share = 1;
  object.source = "link-faults";
  const double seconds = recorded.step_seconds * static_cast<double>(recorded.steps);
  double total = 0;
  for (policy::BlockId block = span.first; block < span.first + span.count; ++block) {
    const double reads = recorded.reads[block];
    total += reads;
    object.block_bytes_per_second.push_back(reads * static_cast<double>(kBlockBytes.value) /
                                            seconds);
    const std::uint8_t tier = table.tier_of(block);
    object.block_tiers.push_back(
        tier == policy::kNowhere ? static_cast<std::uint8_t>(table.tiers() - 1) : tier);
  }
  object.relative_error = total > 0 ? 1 / std::sqrt(total) : 1;
  return object;
}

void count(const std::vector<Event>& events, Recorded& recorded) {
  ++recorded.steps;
  for (const Event& event : events) {
    if (event.kind != EventKind::kStream && event.kind != EventKind::kRoute) continue;
    for (std::uint32_t i = 0; i < event.count; ++i) ++recorded.reads[event.first + i];
  }
}

}  // namespace

Result<heat::HeatMap> record_heat(Workload& workload, std::uint64_t steps, const Topology& topology,
                                  const policy::Machine& machine) {
  const policy::Layout& layout = workload.layout();
  Replay replay(machine, layout, *policy::find_policy("first-touch"), {});
  Recorded recorded;
  recorded.reads.assign(layout.blocks(), 0);
  std::vector<Event> events;
  for (std::uint64_t step = 0; step < steps; ++step) {
    events.clear();
    if (!workload.next_step(events)) break;
    if (step == steps / 2) replay.start_counting();
    if (Status done = replay.step(events); !done) return done.error();
    if (step >= steps / 2) count(events, recorded);
  }
  replay.finish();
  if (recorded.steps == 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "simulate: the workload ends before step %llu, too soon to be recorded; "
                      "give fewer --steps",
                      static_cast<unsigned long long>(steps / 2));
  }
  recorded.step_seconds = replay.totals().step_seconds();
  heat::HeatMap heat;
  heat.machine_id = topology.machine_id;
  heat.executable = "simulated";
  heat.tiers = topology.tiers;
  heat.step_seconds = recorded.step_seconds;
  heat.step_source = "simulated";
  heat.recorded_seconds = replay.totals().seconds;
  for (std::size_t i = 0; i < layout.objects.size(); ++i) {
    heat.objects.push_back(object_heat(layout.objects[i], i, recorded, replay.table()));
  }
  return heat;
}

Result<std::vector<std::uint8_t>> plan_tiers(const heat::HeatMap& heat, const Topology& topology,
                                             const policy::Layout& layout) {
  const auto plan = plan::make_plan(heat, topology, plan::PlannerOptions{});
  if (!plan) return plan.error();
  std::vector<std::uint8_t> tiers(layout.blocks(), policy::kNowhere);
  for (const plan::PlannedObject& object : plan->objects) {
    const policy::ObjectSpan& span = layout.objects[object.key.site_hash - 1];
    std::copy(object.block_tiers.begin(), object.block_tiers.end(), tiers.begin() + span.first);
  }
  return tiers;
}

}  // namespace terrace::simulate
