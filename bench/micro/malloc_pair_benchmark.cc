// SPDX-License-Identifier: Apache-2.0
// Nanoseconds for one small malloc + free pair (and new + delete) of the process as it is: run it
// alone and with LD_PRELOAD, the difference is what the preloaded library costs
// (bench/scenario/shim_cost.sh does so, interleaved).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <new>

namespace {

void malloc_free(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* block = std::malloc(size);
    benchmark::DoNotOptimize(block);
    std::free(block);
  }
}
BENCHMARK(malloc_free)->RangeMultiplier(8)->Range(64, 64 << 10)->Threads(1)->Threads(2);

void new_delete(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    void* block = ::operator new(size);
    benchmark::DoNotOptimize(block);
    ::operator delete(block, size);
  }
}
BENCHMARK(new_delete)->Arg(64)->Threads(1);

}  // namespace

BENCHMARK_MAIN();
