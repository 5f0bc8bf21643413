// SPDX-License-Identifier: Apache-2.0
// How long a plan takes to make, by number of phases, tiers and kind of model.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "tiering/plan/planner.h"

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

heat::HeatMap heat_of(const Topology& machine, std::uint64_t blocks, bool mixture) {
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
    const bool routed = mixture && b % kBlocksPerPhase >= 2;
    const double share = routed ? std::uniform_real_distribution<double>(0.01, 0.7)(random) : 1;
    object.block_bytes_per_second.push_back(share * static_cast<double>(kBlockBytes.value) /
                                            heat.step_seconds);
  }
  object.block_tiers.assign(blocks, 0);
  heat.objects.push_back(object);
  return heat;
}

void plan_model(benchmark::State& state, bool mixture) {
  const std::uint64_t blocks = static_cast<std::uint64_t>(state.range(0)) * kBlocksPerPhase;
  const Topology machine = machine_of(blocks, static_cast<int>(state.range(1)));
  const heat::HeatMap heat = heat_of(machine, blocks, mixture);
  for (auto _ : state) {
    auto plan = make_plan(heat, machine, PlannerOptions{});
    if (!plan.ok()) {
      state.SkipWithError(plan.error().message);
      break;
    }
    benchmark::DoNotOptimize(plan);
  }
}

void dense_model(benchmark::State& state) {
  plan_model(state, false);
}
void mixture_model(benchmark::State& state) {
  plan_model(state, true);
}

// 34 phases: a model of 1.1 GB; 1,000: of 33 GB.
BENCHMARK(dense_model)
    ->ArgNames({"phases", "tiers"})
    ->Args({34, 2})
    ->Args({250, 4})
    ->Args({1000, 2})
    ->Args({1000, 4})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(mixture_model)
    ->ArgNames({"phases", "tiers"})
    ->Args({34, 2})
    ->Args({250, 2})
    ->Args({250, 4})
    ->Args({800, 2})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace terrace::plan
