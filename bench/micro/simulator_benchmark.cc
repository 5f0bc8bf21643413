// SPDX-License-Identifier: Apache-2.0
// How fast the simulator is on one core: accesses a second, by policy. An access is one read of one
// 2 MiB block; dense reads them in ranges of 16, zipf one by one.
#include <benchmark/benchmark.h>

#include "tiering/policy/registry.h"
#include "tiering/simulate/machine_of.h"
#include "tiering/simulate/replay.h"
#include "tiering/simulate/synthetic.h"

namespace terrace::simulate {
namespace {

// The events are made beforehand: they are made once for all policies. 64 steps, again and again.
constexpr int kSteps = 64;

void replay(benchmark::State& state, const SyntheticSpec& workload,
            const policy::PolicySpec& policy) {
  const auto source = workload.make(1);
  const std::uint32_t blocks = source->layout().blocks();
  const auto machine = machine_of(two_tiers({}, blocks), 0, blocks);
  std::vector<std::vector<Event>> steps(kSteps);
  for (auto& events : steps) source->next_step(events);
  // Block 0 and so on exist from the first step on; it is not repeated.
  Replay replay(*machine, source->layout(), policy, {});
  if (!replay.step(steps.front()).ok()) state.SkipWithError("the workload does not fit");
  std::int64_t accesses = 0;
  std::size_t next = 1;
  for (auto _ : state) {
    const std::vector<Event>& events = steps[next];
    if (!replay.step(events).ok()) state.SkipWithError("the workload does not fit");
    for (const Event& event : events) accesses += event.count;
    next = next + 1 == steps.size() ? 1 : next + 1;
  }
  state.SetItemsProcessed(accesses);
}

void register_all() {
  for (const char* workload : {"dense", "moe", "sequences", "zipf", "shift"}) {
    for (const policy::PolicySpec& policy : policy::policies()) {
      const std::string name = std::string(workload) + "/" + std::string(policy.name);
      const SyntheticSpec& spec = *find_synthetic(workload);
      benchmark::RegisterBenchmark(
          name.c_str(), [&spec, &policy](benchmark::State& state) { replay(state, spec, policy); });
    }
  }
}

}  // namespace
}  // namespace terrace::simulate

int main(int argc, char** argv) {
  terrace::simulate::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
