// SPDX-License-Identifier: Apache-2.0
#include "tiering/plan/place.h"

#include <utility>

#include "tiering/plan/baselines.h"
#include "tiering/plan/placement_rules.h"
#include "tiering/plan/programme.h"
#include "tiering/plan/refine.h"
#include "tiering/plan/rounding.h"

namespace terrace::plan {
namespace {

using model::Assignment;
using model::Rates;
using model::Workload;

// The programme's shares are spread evenly over the phases, which the model does not price. What
// another beginning leads to is taken where it gains more than that is worth, which happens where a
// phase has few blocks.
constexpr double kWorthTaking = 0.998;
// Above so many blocks (8 GiB) whole blocks cost little, and a beginning that is far from the best
// takes long to come near it.
constexpr std::uint64_t kMostSearchedBlocks = 4096;

// Seconds that the placement costs: a step without a present placement, and with one the horizon's
// steps and the moves.
double cost_of(const Task& task, const Assignment& where) {
  const double step = model::step_time(task.workload, task.rates, where).step_seconds;
  if (!task.constraints.has_present()) return step;
  return step * task.constraints.steps_in_horizon + moves_between(task, where).seconds;
}

Result<Assignment> rounded_optimum(const Task& task) {
  const Workload& workload = task.workload;
  const Constraints& constraints = task.constraints;
  Assignment where = all_on_fastest(workload);
  TierRoom room = task.room();
  keep_unobserved(workload, constraints, room, where);
  place_untouched(workload, constraints, room, where);
  const Programme programme = plan_programme(workload, task.rates, constraints, room.free_blocks(),
                                             task.slow_link_utilisation);
  auto solution = solve(programme);
  if (!solution) return solution.error();
  place_ranges(workload, constraints, programme, *solution, room, where);
  place_unobserved(workload, constraints, room, where);
  return where;
}

// Where the search may begin besides the programme's shares in whole blocks.
Result<std::vector<Assignment>> other_beginnings(const Task& task) {
  if (!task.constraints.has_present()) {
    return default_placements(task.workload, task.rates, task.constraints, task.room());
  }
  // The default policies would also move objects of unknown heat, as if they had none.
  std::vector<Assignment> others{present_or_nearest(task)};
  Task free_moves = task;
  free_moves.constraints.steps_in_horizon = 0;
  auto regardless = rounded_optimum(free_moves);
  if (!regardless) return regardless.error();
  others.push_back(std::move(*regardless));
  return others;
}

}  // namespace

TierRoom Task::room() const {
  return TierRoom(usable, restricted_demand(workload, constraints, usable.size()));
}

std::vector<Assignment> default_placements(const Workload& workload, const Rates& rates,
                                           const Constraints& constraints, const TierRoom& room) {
  std::vector<double> bandwidths;
  for (double seconds : rates.tier_seconds_per_byte) bandwidths.push_back(1 / seconds);
  const std::vector<double> equal(bandwidths.size(), 1.0);
  return {first_touch(workload, constraints, room), striped(workload, constraints, equal, room),
          striped(workload, constraints, bandwidths, room)};
}

Assignment present_or_nearest(const Task& task) {
  return keep_present(task.workload, task.constraints, task.room());
}

void set_horizon(Task& task, Nanoseconds horizon) {
  if (!task.constraints.has_present()) return;
  const Assignment present = present_or_nearest(task);
  const double step = model::step_time(task.workload, task.rates, present).step_seconds;
  task.constraints.steps_in_horizon = static_cast<double>(horizon.value) * 1e-9 / step;
}

MoveTotal moves_between(const Task& task, const Assignment& where) {
  MoveTotal total;
  const Assignment& present = task.constraints.present;
  for (std::size_t o = 0; o < present.size(); ++o) {
    for (std::size_t b = 0; b < present[o].size(); ++b) {
      if (present[o][b] == kNowhere || present[o][b] == where[o][b]) continue;
      ++total.blocks;
      total.seconds += move_seconds(task.rates, present[o][b], where[o][b]);
    }
  }
  return total;
}

Result<Assignment> planned_assignment(const Task& task) {
  const bool has_present = task.constraints.has_present();
  // Within less than a step nothing can pay.
  if (has_present && task.constraints.steps_in_horizon < 1) return present_or_nearest(task);
  auto where = rounded_optimum(task);
  if (!where) return where.error();
  auto others = other_beginnings(task);
  if (!others) return others.error();
  const auto refined_cost = [&task](Assignment& placement) {
    refine(task.workload, task.rates, task.constraints, task.slow_link_utilisation, task.usable,
           placement);
    return cost_of(task, placement);
  };
  double best = refined_cost(*where);
  const bool small = task.workload.total_blocks() <= kMostSearchedBlocks;
  for (Assignment& other : *others) {
    if (!small && cost_of(task, other) >= best) continue;
    const double cost = refined_cost(other);
    if (cost >= best * kWorthTaking) continue;
    best = cost;
    *where = std::move(other);
  }
  if (!has_present) return where;
  Assignment stay = present_or_nearest(task);
  if (cost_of(task, stay) <= best) return stay;
  return where;
}

}  // namespace terrace::plan
