// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/planner.h"

#include <algorithm>

#include "allocators/base/block_bytes.h"
#include "allocators/base/count_of.h"
#include "tiering/model/step_model.h"
#include "tiering/plan/baselines.h"
#include "tiering/plan/engine_rate.h"
#include "tiering/plan/machine_figures.h"
#include "tiering/plan/place.h"
#include "tiering/plan/placement_rules.h"
#include "tiering/plan/present.h"
#include "tiering/plan/programme.h"

namespace terrace::plan {
namespace {

using model::Assignment;
using model::Rates;
using model::StepTime;
using model::Workload;

Status check_options(const PlannerOptions& options) {
  if (options.phase_bytes < kBlockBytes) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: phases of %llu bytes are below one block; use 2M or more",
                      static_cast<unsigned long long>(options.phase_bytes.value));
  }
  if (!(options.capacity_headroom >= 0) || options.capacity_headroom >= 1) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: a capacity headroom of %g is no share; use 0 to below 1",
                      options.capacity_headroom);
  }
  if (!(options.slow_link_utilisation > 0) || options.slow_link_utilisation > 1) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: a slow link utilisation of %g is no share; use above 0 to 1",
                      options.slow_link_utilisation);
  }
  return ok_status();
}

Status check_machine(const heat::HeatMap& heat, const Topology& topology) {
  if (heat.machine_id != topology.machine_id) {
    return make_error(ErrorCode::kUsage, 0,
                      "plan: the session was recorded on machine %s, this topology is of %s; "
                      "record on this machine, or plan with that machine's tier file",
                      heat.machine_id.c_str(), topology.machine_id.c_str());
  }
  if (topology.tiers.empty()) {
    return make_error(ErrorCode::kUsage, 0, "plan: the topology has no tiers; run `terrace topo`");
  }
  return ok_status();
}

Prediction prediction_of(const StepTime& time) {
  return {time.step_seconds, time.compute_seconds, time.tier_busy_seconds};
}

Prediction priced(const Workload& workload, const Rates& rates, const Assignment& where) {
  return prediction_of(model::step_time(workload, rates, where));
}

Status check_fits(const Task& task, const Topology& topology) {
  std::uint64_t room = 0;
  for (std::uint64_t blocks : task.usable) room += blocks;
  const std::uint64_t wanted = task.workload.total_blocks();
  if (wanted <= room) return ok_status();
  return make_error(ErrorCode::kInfeasible, 0,
                    "plan: the objects take %llu MiB, %s together leave %llu MiB; add "
                    "%llu MiB of capacity or lower the headroom",
                    2 * static_cast<unsigned long long>(wanted),
                    count_of(topology.tiers.size(), "tier").c_str(),
                    2 * static_cast<unsigned long long>(room),
                    2 * static_cast<unsigned long long>(wanted - room));
}

Result<Prediction> bound_of(const Task& task) {
  const Programme programme =
      bound_programme(task.workload, task.rates, task.constraints, task.capacity);
  auto solution = solve(programme);
  if (!solution) return solution.error();
  Prediction bound;
  bound.step_seconds = solution->step_seconds;
  bound.compute_seconds = task.rates.engine_seconds_per_byte * task.workload.total_bytes_per_step();
  const std::size_t tiers = task.capacity.size();
  bound.tier_busy_seconds.assign(tiers, 0.0);
  for (std::size_t i = 0; i < solution->blocks.size(); ++i) {
    bound.tier_busy_seconds[i % tiers] += solution->blocks[i] *
                                          programme.ranges[i / tiers].bytes_per_block *
                                          task.rates.tier_seconds_per_byte[i % tiers];
  }
  return bound;
}

PlannedObject planned_object(const heat::ObjectHeat& heat, const model::ObjectLoad& load,
                             const std::vector<std::uint8_t>& tiers, std::size_t tier_count) {
  PlannedObject object;
  object.key = heat.key;
  object.label = heat.label;
  object.block_tiers = tiers;
  object.tier_bytes_per_step.assign(tier_count, 0.0);
  std::vector<std::uint64_t> bytes(tier_count, 0);
  for (std::size_t b = 0; b < tiers.size(); ++b) {
    bytes[tiers[b]] += bytes_in_block(Bytes(heat.key.size_bytes), b).value;
    object.bytes_per_step += load.blocks[b].bytes_per_step;
    object.tier_bytes_per_step[tiers[b]] += load.blocks[b].bytes_per_step;
  }
  for (std::uint64_t part : bytes) {
    object.shares.push_back(static_cast<double>(part) / static_cast<double>(heat.key.size_bytes));
  }
  return object;
}

Result<Constraints> constraints_of(const heat::HeatMap& heat, const Topology& topology,
                                   const PlannerOptions& options, const Workload& workload,
                                   std::vector<std::string>& notes) {
  Constraints constraints;
  auto allowed = allowed_tiers(options.rules, heat, workload, topology.tiers, notes);
  if (!allowed) return allowed.error();
  constraints.allowed = std::move(*allowed);
  if (options.present == nullptr) return constraints;
  auto present = present_assignment(*options.present, heat, workload, topology.tiers, notes);
  if (!present) return present.error();
  constraints.present = std::move(*present);
  return constraints;
}

Result<Task> prepare(const heat::HeatMap& heat, const Topology& topology,
                     const PlannerOptions& options, std::vector<std::string>& notes) {
  Task task;
  task.slow_link_utilisation = options.slow_link_utilisation;
  auto workload = model::make_workload(heat, options.phase_bytes);
  if (!workload) return workload.error();
  task.workload = std::move(*workload);
  auto tier_rates = seconds_per_byte(topology.tiers, {});
  if (!tier_rates) return tier_rates.error();
  task.rates.tier_seconds_per_byte = std::move(*tier_rates);
  auto whole = capacity_blocks(topology.tiers, 0);
  if (!whole) return whole.error();
  auto usable = capacity_blocks(topology.tiers, options.capacity_headroom);
  if (!usable) return usable.error();
  auto rate = engine_rate(heat, topology, task.workload, notes);
  if (!rate) return rate.error();
  task.rates.engine_seconds_per_byte = *rate;
  task.capacity = std::move(*whole);
  TierRoom room(std::move(*usable));
  room.reserve(task.workload.small_object_count);
  task.usable = room.free_blocks();
  if (Status fits = check_fits(task, topology); !fits) return fits.error();
  auto constraints = constraints_of(heat, topology, options, task.workload, notes);
  if (!constraints) return constraints.error();
  task.constraints = std::move(*constraints);
  if (Status fits = check_restricted(task.room(), topology.tiers); !fits) return fits.error();
  set_horizon(task, options.horizon);
  return task;
}

void price_defaults(const Task& task, Plan& plan) {
  const Workload& workload = task.workload;
  // The runtime's default policies know no headroom and no rules: they have the whole tiers.
  TierRoom room(task.capacity);
  room.reserve(workload.small_object_count);
  const auto placements = default_placements(workload, task.rates, Constraints{}, room);
  plan.all_fast = priced(workload, task.rates, all_on_fastest(workload));
  plan.first_touch = priced(workload, task.rates, placements[0]);
  plan.interleave = priced(workload, task.rates, placements[1]);
  plan.weighted = priced(workload, task.rates, placements[2]);
}

Moves moves_to(const Task& task, Nanoseconds horizon, const Assignment& where) {
  Moves moves;
  moves.horizon_seconds = static_cast<double>(horizon.value) * 1e-9;
  moves.present = priced(task.workload, task.rates, present_or_nearest(task));
  const MoveTotal total = moves_between(task, where);
  moves.bytes = total.blocks << kBlockShift;
  moves.seconds = total.seconds;
  return moves;
}

void note_what_is_unknown(const Workload& workload, Plan& plan) {
  if (workload.per_second) {
    plan.notes.push_back(
        "no step was found in the recording: a step's figures are those of one "
        "second of it, and blocks that miss steps cannot be told apart");
  }
  for (const model::ObjectLoad& object : workload.objects) {
    if (object.observed) continue;
    plan.notes.push_back(
        "some objects could not be observed; they get what room is left, the "
        "fastest first");
    return;
  }
}

}  // namespace

Result<Plan> make_plan(const heat::HeatMap& heat, const Topology& topology,
                       const PlannerOptions& options) {
  if (Status checked = check_options(options); !checked) return checked.error();
  if (Status checked = check_machine(heat, topology); !checked) return checked.error();
  Plan plan;
  auto task = prepare(heat, topology, options, plan.notes);
  if (!task) return task.error();
  auto bound = bound_of(*task);
  if (!bound) return bound.error();
  auto where = planned_assignment(*task);
  if (!where) return where.error();

  plan.machine_id = heat.machine_id;
  plan.executable = heat.executable;
  plan.tiers = topology.tiers;
  plan.emulated = heat.emulated;
  for (const Tier& tier : topology.tiers) plan.emulated |= tier.emulated();
  plan.recorded_step_seconds = heat.step_seconds;
  plan.per_second = task->workload.per_second;
  plan.bound = *bound;
  plan.planned = priced(task->workload, task->rates, *where);
  price_defaults(*task, plan);
  plan.rules = options.rules;
  if (options.present != nullptr) plan.moves = moves_to(*task, options.horizon, *where);
  for (std::size_t o = 0; o < where->size(); ++o) {
    const model::ObjectLoad& load = task->workload.objects[o];
    plan.objects.push_back(
        planned_object(heat.objects[load.heat_index], load, (*where)[o], topology.tiers.size()));
  }
  note_what_is_unknown(task->workload, plan);
  return plan;
}

}  // namespace terrace::plan
