// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/comparison.h"

#include <algorithm>
#include <cassert>

#include "tiering/simulate/offline_optimum.h"
#include "tiering/simulate/recording.h"

namespace terrace::simulate {
namespace {

using policy::PolicySpec;

// Often enough for a terminal, seldom enough to cost nothing.
constexpr std::uint64_t kProgressSteps = 16;

std::uint64_t window_of(Constancy constancy) {
  switch (constancy) {
    case Constancy::kSteady:
      return 0;
    case Constancy::kRegimes:
      return kRegimeSteps;
    case Constancy::kChanging:
      return 1;
  }
  return 1;
}

bool needs_plan(const std::vector<const PolicySpec*>& policies) {
  return std::any_of(policies.begin(), policies.end(),
                     [](const PolicySpec* spec) { return spec->name == "plan"; });
}

Result<std::vector<std::uint8_t>> plan_for(const WorkloadSource& source, const Topology& topology,
                                           const policy::Machine& machine, std::uint64_t steps) {
  if (source.planned_tiers) return source.planned_tiers(topology);
  auto workload = source.make(Run::kRecorded);
  if (!workload) return workload.error();
  auto heat = record_heat(**workload, steps, topology, machine);
  if (!heat) return heat.error();
  return plan_tiers(*heat, topology, (*workload)->layout());
}

// Everything that runs side by side.
class Race {
 public:
  Race(const policy::Machine& machine, const policy::Layout& layout,
       const std::vector<const PolicySpec*>& policies, const std::vector<std::uint8_t>& planned,
       std::uint64_t window, std::uint64_t warmup_steps)
      : optimum_(machine, layout.blocks(), window, warmup_steps) {
    for (const PolicySpec* spec : policies) {
      replays_.push_back(std::make_unique<Replay>(machine, layout, *spec, planned));
    }
  }

  void start_counting() {
    counting_ = true;
    for (auto& replay : replays_) replay->start_counting();
  }

  Status step(std::span<const Event> events) {
    for (auto& replay : replays_) {
      if (Status done = replay->step(events); !done) return done;
    }
    if (!counting_) return ok_status();
    ++counted_;
    return optimum_.step(events);
  }

  Status finish() {
    for (auto& replay : replays_) replay->finish();
    return optimum_.finish();
  }

  std::uint64_t counted() const { return counted_; }
  double bound_step_seconds() const {
    return optimum_.seconds() / static_cast<double>(std::max<std::uint64_t>(1, counted_));
  }
  std::uint64_t free_fast_blocks(std::size_t policy) const {
    return replays_[policy]->table().free_blocks(0);
  }
  const ReplayTotals& totals(std::size_t policy) const { return replays_[policy]->totals(); }

 private:
  OfflineOptimum optimum_;
  std::vector<std::unique_ptr<Replay>> replays_;
  bool counting_ = false;
  std::uint64_t counted_ = 0;
};

Status run(Workload& workload, Race& race, const ComparisonOptions& options) {
  std::vector<Event> events;
  for (std::uint64_t step = 0; step < options.steps; ++step) {
    events.clear();
    if (!workload.next_step(events)) break;
    if (step == options.warmup_steps) race.start_counting();
    if (Status done = race.step(events); !done) return done;
    if (options.progress && step % kProgressSteps == 0) options.progress(step);
  }
  return race.finish();
}

}  // namespace

Result<Comparison> compare(const WorkloadSource& source, const Topology& topology,
                           const policy::Machine& machine,
                           const std::vector<const PolicySpec*>& policies,
                           const ComparisonOptions& options) {
  std::vector<std::uint8_t> planned;
  if (needs_plan(policies)) {
    auto tiers = plan_for(source, topology, machine, options.steps);
    if (!tiers) return tiers.error();
    planned = std::move(*tiers);
  }
  auto workload = source.make(Run::kMeasured);
  if (!workload) return workload.error();
  const policy::Layout& layout = (*workload)->layout();
  Comparison comparison;
  comparison.window_steps = window_of(source.constancy);
  Race race(machine, layout, policies, planned, comparison.window_steps, options.warmup_steps);
  if (Status done = run(**workload, race, options); !done) return done.error();
  if (race.counted() == 0) {
    return make_error(ErrorCode::kUsage, 0,
                      "simulate: %s ends within the warm-up of %llu steps; give fewer --steps",
                      source.name.c_str(), static_cast<unsigned long long>(options.warmup_steps));
  }
  comparison.workload = source.name;
  comparison.summary = source.summary;
  comparison.workload_blocks = layout.blocks();
  comparison.fast_blocks = machine.capacity_blocks[0];
  comparison.steps = race.counted();
  comparison.warmup_steps = options.warmup_steps;
  comparison.bound_step_seconds = race.bound_step_seconds();
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const ReplayTotals& totals = race.totals(i);
    comparison.policies.push_back({std::string(policies[i]->name), totals,
                                   totals.step_seconds() / comparison.bound_step_seconds,
                                   race.free_fast_blocks(i)});
  }
  return comparison;
}

WorkloadSource synthetic_source(const SyntheticSpec& spec, std::uint64_t seed) {
  WorkloadSource source;
  source.name = spec.name;
  source.summary = spec.summary;
  source.constancy = spec.constancy;
  source.make = [&spec, seed](Run run) -> Result<std::unique_ptr<Workload>> {
    return spec.make(run == Run::kMeasured ? seed : seed + 1);
  };
  return source;
}

}  // namespace terrace::simulate
