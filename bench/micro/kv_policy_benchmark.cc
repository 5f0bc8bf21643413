// SPDX-License-Identifier: Apache-2.0
// How fast KV prefixes are looked up and policies decide, on one core, beside LRU as it is written
// first: std::unordered_map and std::list. An item is one block of one request. Requests are
// conversations of 8 to 40 blocks, made beforehand.
#include <benchmark/benchmark.h>

#include <list>
#include <random>
#include <unordered_map>

#include "tiering/policy/kv/prefix_cache.h"

namespace terrace::policy {
namespace {

using Blocks = std::vector<ChainHash>;

std::vector<Blocks> conversations(std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<Blocks> former(2000);
  std::vector<Blocks> requests;
  for (std::size_t i = 0; i < count; ++i) {
    Blocks& blocks = former[random() % former.size()];
    if (blocks.size() > 40) blocks.clear();
    for (std::size_t more = 8; more > 0; --more) blocks.push_back(random());
    requests.push_back(blocks);
  }
  return requests;
}

std::size_t blocks_in(const std::vector<Blocks>& requests) {
  std::size_t sum = 0;
  for (const Blocks& blocks : requests) sum += blocks.size();
  return sum;
}

void steps(benchmark::State& state, const KvPolicySpec& spec) {
  const auto slots = static_cast<std::uint32_t>(state.range(0));
  const auto requests = conversations(20000);
  for (auto _ : state) {
    PrefixCache cache(slots, spec.make({.slots = slots}), nullptr);
    for (const Blocks& blocks : requests) {
      cache.end(blocks, cache.begin(blocks).leased_blocks);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(blocks_in(requests)));
}

class PlainLru {
 public:
  explicit PlainLru(std::size_t slots) : slots_(slots) {}
  void serve(const Blocks& blocks) {
    for (std::size_t i = blocks.size(); i > 0; --i) {
      const auto found = places_.find(blocks[i - 1]);
      if (found != places_.end()) {
        order_.splice(order_.end(), order_, found->second);
        continue;
      }
      if (places_.size() == slots_) {
        places_.erase(order_.front());
        order_.pop_front();
      }
      places_[blocks[i - 1]] = order_.insert(order_.end(), blocks[i - 1]);
    }
  }

 private:
  std::size_t slots_;
  std::list<ChainHash> order_;
  std::unordered_map<ChainHash, std::list<ChainHash>::iterator> places_;
};

void plain_steps(benchmark::State& state) {
  const auto requests = conversations(20000);
  for (auto _ : state) {
    PlainLru cache(static_cast<std::size_t>(state.range(0)));
    for (const Blocks& blocks : requests) cache.serve(blocks);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(blocks_in(requests)));
}
BENCHMARK(plain_steps)->Name("steps/map_and_list")->Arg(1000)->Arg(20000);

// All found: the longest way.
void look_up(benchmark::State& state) {
  const auto slots = static_cast<std::uint32_t>(state.range(0));
  const auto requests = conversations(slots / 12);
  PrefixCache cache(slots, find_kv_policy("lru")->make({.slots = slots}), nullptr);
  for (const Blocks& blocks : requests) cache.end(blocks, cache.begin(blocks).leased_blocks);
  std::int64_t found = 0;
  for (auto _ : state) {
    for (const Blocks& blocks : requests) found += cache.longest_prefix(blocks);
  }
  state.SetItemsProcessed(found);
}
BENCHMARK(look_up)->Name("longest_prefix")->Arg(20000)->Arg(1000000);

void register_all() {
  for (const KvPolicySpec& spec : kv_policies()) {
    if (spec.needs_future) continue;
    const std::string name = "steps/" + std::string(spec.name);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&spec](benchmark::State& state) { steps(state, spec); })
        ->Arg(1000)
        ->Arg(20000);
  }
}

}  // namespace
}  // namespace terrace::policy

int main(int argc, char** argv) {
  terrace::policy::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
