// SPDX-License-Identifier: Apache-2.0
// What one call-site costs, by depth of the stack above it and by the way it is taken: paid once
// for each large allocation. glibc's backtrace() and a bare chain of frame pointers, which checks
// nothing and names nothing, stand beside them.
#include <benchmark/benchmark.h>
#include <execinfo.h>

#include "profiler/sites/call_site.h"

namespace {

using Take = terrace::CallSite (*)();

[[gnu::noinline]] terrace::CallSite at_depth(int depth, Take take) {
  terrace::CallSite site = depth == 0 ? take() : at_depth(depth - 1, take);
  benchmark::DoNotOptimize(site);
  return site;
}

/// As the first time at a place, or after a library was unloaded.
terrace::CallSite capture_unknown() {
  terrace::sites::forget_modules();
  return terrace::sites::capture();
}

terrace::CallSite capture_by_backtrace() {
  void* addresses[terrace::kMaxFrames];
  terrace::CallSite site;
  site.frame_count = static_cast<std::uint32_t>(backtrace(addresses, terrace::kMaxFrames));
  benchmark::DoNotOptimize(addresses);
  return site;
}

terrace::CallSite chase_frame_pointers() {
  terrace::CallSite site;
  const auto* frame = static_cast<const std::uintptr_t*>(__builtin_frame_address(0));
  while (site.frame_count < static_cast<std::uint32_t>(terrace::kMaxFrames) && frame != nullptr) {
    site.frames[site.frame_count++] = frame[1];
    const auto* const above = reinterpret_cast<const std::uintptr_t*>(frame[0]);
    if (above <= frame || above - frame > 4096) break;
    frame = above;
  }
  return site;
}

template <Take kTake>
void call_site(benchmark::State& state) {
  const int depth = static_cast<int>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(at_depth(depth, kTake));
}

void depths(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(0)->Arg(4)->Arg(8)->Arg(16)->Arg(32);
}
BENCHMARK(call_site<terrace::sites::capture>)->Name("capture")->Apply(depths);
BENCHMARK(call_site<capture_unknown>)->Name("capture, nothing known")->Apply(depths);
BENCHMARK(call_site<terrace::sites::capture_by_unwinder>)->Name("libgcc unwinder")->Apply(depths);
BENCHMARK(call_site<capture_by_backtrace>)->Name("glibc backtrace")->Apply(depths);
BENCHMARK(call_site<chase_frame_pointers>)->Name("bare frame pointers")->Apply(depths);

}  // namespace

BENCHMARK_MAIN();
