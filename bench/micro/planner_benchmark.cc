// SPDX-License-Identifier: Apache-2.0
// How long a plan takes to make, by number of phases, tiers and kind of model: the median of the
// repetitions with their spread, and where it can be had the time of the plain linear programmes of
// docs/adr/0004 in the same run, as a multiple of the plan's.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "allocators/base/quantile.h"
#include "tiering/plan/engine_rate.h"
#include "tiering/plan/machine_figures.h"
#include "tiering/plan/planner.h"
#include "tiering/plan/programme.h"

namespace terrace::plan {
namespace {

constexpr std::uint64_t kBlocksPerPhase = 16;  // PlannerOptions::phase_bytes of 32 MiB

Topology machine_of(std::uint64_t blocks, int tier_count) {
  Topology machine;
  machine.machine_id = "0123456789abcdef";
  double gbps = 100;
  std::uint64_t room = blocks / 2;
  for (int i = 0; i < tier_count; ++i) {
    Tier tier;
    tier.name = "tier" + std::to_string(i);
    tier.capacity = {Bytes(room * kBlockBytes.value), Provenance::kUserFile};
    tier.read_bandwidth = {GBps(gbps), Provenance::kUserFile};
    machine.tiers.push_back(tier);
    gbps /= 3;
    room = i + 2 == tier_count ? blocks : blocks / 6;
  }
  return machine;
}

enum class Kind {
  kDense,    ///< all blocks streamed
  kMixture,  ///< of each phase two blocks streamed, the others routed
};

heat::HeatMap heat_of(const Topology& machine, std::uint64_t blocks, Kind kind) {
  std::mt19937 random(1);
  heat::HeatMap heat;
  heat.machine_id = machine.machine_id;
  heat.tiers = machine.tiers;
  heat.step_seconds = static_cast<double>(blocks * kBlockBytes.value) / 50e9;
  heat::ObjectHeat object;
  object.key.size_bytes = blocks * kBlockBytes.value;
  object.source = "link-faults";
  object.relative_error = 0;
  for (std::uint64_t b = 0; b < blocks; ++b) {
    const bool routed = kind == Kind::kMixture && b % kBlocksPerPhase >= 2;
    const double share = routed ? std::uniform_real_distribution<double>(0.01, 0.7)(random) : 1;
    object.block_bytes_per_second.push_back(share * static_cast<double>(kBlockBytes.value) /
                                            heat.step_seconds);
  }
  object.block_tiers.assign(blocks, 0);
  heat.objects.push_back(object);
  return heat;
}

void plan_model(benchmark::State& state, Kind kind) {
  const std::uint64_t blocks = static_cast<std::uint64_t>(state.range(0)) * kBlocksPerPhase;
  const Topology machine = machine_of(blocks, static_cast<int>(state.range(1)));
  const heat::HeatMap heat = heat_of(machine, blocks, kind);
  for (auto _ : state) {
    auto plan = make_plan(heat, machine, PlannerOptions{});
    if (!plan.ok()) {
      state.SkipWithError(plan.error().message);
      break;
    }
    benchmark::DoNotOptimize(plan);
  }
}

// Objects of many sizes, each block of a heat of its own: what the programme can group least.
heat::HeatMap varied_heat(const Topology& machine, std::uint64_t objects, std::uint64_t blocks) {
  std::mt19937 random(2);
  heat::HeatMap heat;
  heat.machine_id = machine.machine_id;
  heat.tiers = machine.tiers;
  heat.step_seconds = static_cast<double>(blocks * kBlockBytes.value) / 50e9;
  for (std::uint64_t o = 0; o < objects; ++o) {
    const std::uint64_t own = (o + 1) * blocks / objects - o * blocks / objects;
    heat::ObjectHeat object;
    object.key = {o, own * kBlockBytes.value, 0, Origin::kHeap};
    object.source = "link-faults";
    object.relative_error = 0;
    for (std::uint64_t b = 0; b < own; ++b) {
      const bool streamed = std::uniform_int_distribution<int>(0, 1)(random) == 1;
      const double share =
          streamed ? 1 : std::exp(std::uniform_real_distribution<double>(-5, 1.5)(random));
      object.block_bytes_per_second.push_back(share * static_cast<double>(kBlockBytes.value) /
                                              heat.step_seconds);
    }
    object.block_tiers.assign(own, 0);
    heat.objects.push_back(std::move(object));
  }
  return heat;
}

// The two programmes without any grouping of phases that differ, as built and solved before there
// was one. 0: not solved.
double plain_seconds(const heat::HeatMap& heat, const Topology& machine) {
  using Clock = std::chrono::steady_clock;
  const PlannerOptions options;
  std::vector<std::string> notes;
  const auto workload = model::make_workload(heat, options.phase_bytes);
  if (!workload.ok()) return 0;
  const model::Rates rates{engine_rate(heat, machine, *workload, notes).value(),
                           seconds_per_byte(machine.tiers, {}).value()};
  const auto capacity = capacity_blocks(machine.tiers, 0).value();
  const Clock::time_point begin = Clock::now();
  const auto bound = solve(bound_programme(*workload, rates, {}, capacity, SIZE_MAX));
  const auto shares = solve(
      plan_programme(*workload, rates, {}, capacity, options.slow_link_utilisation, SIZE_MAX));
  const std::chrono::duration<double> taken = Clock::now() - begin;
  return bound.ok() && shares.ok() ? taken.count() : 0;
}

// Beyond so many blocks the plain programmes take minutes.
constexpr std::uint64_t kMostPlainBlocks = 16000;

void varied_objects(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  const auto objects = static_cast<std::uint64_t>(state.range(0));
  const auto blocks = static_cast<std::uint64_t>(state.range(1));
  const Topology machine = machine_of(blocks, static_cast<int>(state.range(2)));
  const heat::HeatMap heat = varied_heat(machine, objects, blocks);
  std::vector<double> seconds;
  for (auto _ : state) {
    const Clock::time_point begin = Clock::now();
    auto plan = make_plan(heat, machine, PlannerOptions{});
    seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    if (!plan.ok()) {
      state.SkipWithError(plan.error().message);
      return;
    }
    state.counters["plan_over_bound"] = plan->planned.step_seconds / plan->bound.step_seconds;
    benchmark::DoNotOptimize(plan);
  }
  if (blocks > kMostPlainBlocks) return;
  state.counters["plain_over_plan"] = plain_seconds(heat, machine) / quantile(seconds, 0.5);
}
BENCHMARK(varied_objects)
    ->ArgNames({"objects", "blocks", "tiers"})
    ->Args({1000, 1000, 4})
    ->Args({1000, 4000, 4})
    ->Args({1000, 16000, 4})
    ->Args({1000, 100000, 4})
    ->Repetitions(5)
    ->ReportAggregatesOnly(true)
    ->Unit(benchmark::kMillisecond);

void dense_model(benchmark::State& state) {
  plan_model(state, Kind::kDense);
}
void mixture_model(benchmark::State& state) {
  plan_model(state, Kind::kMixture);
}

// 34 phases: a model of 1.1 GB; 1,000: of 33 GB.
BENCHMARK(dense_model)
    ->ArgNames({"phases", "tiers"})
    ->Args({34, 2})
    ->Args({250, 4})
    ->Args({1000, 2})
    ->Args({1000, 4})
    ->Repetitions(5)
    ->ReportAggregatesOnly(true)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(mixture_model)
    ->ArgNames({"phases", "tiers"})
    ->Args({34, 2})
    ->Args({250, 2})
    ->Args({250, 4})
    ->Args({800, 2})
    ->Repetitions(5)
    ->ReportAggregatesOnly(true)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace terrace::plan
