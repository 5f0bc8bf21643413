// SPDX-License-Identifier: Apache-2.0
// The policy `terrace` beside LRU on loads with and without something to learn, in caches from some
// requests' size to nearly all blocks'. Prints a line for each load: LRU's share of blocks hit and
// what `terrace` hits more, by size (summed up in docs/simulator.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/fuzz/mutate.h"
#include "tests/property/kv_loads.h"
#include "tiering/policy/kv/prefix_cache.h"

namespace terrace::policy::kv_policy_load_test {
namespace {

constexpr std::size_t kRequests = 6000;
constexpr std::uint32_t kSizes[] = {150, 500, 1600, 5000};

std::uint64_t hits_of(const char* policy, const KvLoads::Requests& requests, std::uint32_t slots) {
  PrefixCache cache(slots, find_kv_policy(policy)->make({.slots = slots}), nullptr);
  std::uint64_t hits = 0;
  for (const KvLoads::Blocks& blocks : requests) {
    const KvServed served = cache.begin(blocks);
    cache.end(blocks, served.leased_blocks);
    hits += served.hit_blocks;
  }
  return hits;
}

struct Difference {
  double lru = 0;
  double more = 0;  ///< that `terrace` hits; shares of the blocks wanted
};

Difference difference(const KvLoads::Requests& requests, std::uint32_t slots) {
  std::uint64_t wanted = 0;
  for (const KvLoads::Blocks& blocks : requests) wanted += blocks.size();
  const auto share = [&](const char* policy) {
    return static_cast<double>(hits_of(policy, requests, slots)) / static_cast<double>(wanted);
  };
  const double lru = share("lru");
  return {lru, share("terrace") - lru};
}

// Where nothing can be learnt, chance lets the rates lead now and then, and has them hit less than
// LRU as often as more.
TEST(KvPolicyLoad, TerraceIsBelowLruByRareChanceOnlyAndAboveWhereThereIsSomethingToLearn) {
  const unsigned seed = fuzz::logged_seed();
  int below = 0;
  double worst = 0;
  double sum = 0;
  for (const KvLoads::Named& load : KvLoads::all()) {
    KvLoads loads(seed, kRequests);
    const KvLoads::Requests requests = (loads.*load.make)();
    std::string line;
    for (const std::uint32_t slots : kSizes) {
      const Difference one = difference(requests, slots);
      below += one.more < 0 ? 1 : 0;
      worst = std::min(worst, one.more);
      sum += one.more;
      char text[48];
      std::snprintf(text, sizeof text, "  %u: %.4f%+.4f", slots, one.lru, one.more);
      line += text;
    }
    std::printf("%-18s%s\n", load.name, line.c_str());
  }
  EXPECT_LE(below, 6) << "of 40";
  EXPECT_GT(worst, -0.01);
  EXPECT_GT(sum, 0.5);
}

}  // namespace
}  // namespace terrace::policy::kv_policy_load_test
