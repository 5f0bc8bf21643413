// SPDX-License-Identifier: Apache-2.0
// What one call-site costs, by depth of the stack above it: paid once for each large allocation.
#include <benchmark/benchmark.h>

#include "profiler/sites/call_site.h"

namespace {

[[gnu::noinline]] terrace::CallSite at_depth(int depth) {
  terrace::CallSite site = depth == 0 ? terrace::sites::capture() : at_depth(depth - 1);
  benchmark::DoNotOptimize(site);
  return site;
}

void capture_call_site(benchmark::State& state) {
  const int depth = static_cast<int>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(at_depth(depth));
}
BENCHMARK(capture_call_site)->Arg(0)->Arg(4)->Arg(8)->Arg(16)->Arg(32);

}  // namespace

BENCHMARK_MAIN();
