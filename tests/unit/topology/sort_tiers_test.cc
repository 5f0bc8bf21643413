// SPDX-License-Identifier: Apache-2.0
// In which order tiers stand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocators/topology/classify.h"

namespace terrace::sort_tiers_test {
namespace {

using ::testing::ElementsAre;

Tier tier(const char* name, TierKind kind, double gbps = 0, std::uint64_t ns = 0) {
  Tier made;
  made.name = name;
  made.kind = kind;
  if (gbps > 0) made.read_bandwidth = {GBps(gbps), Provenance::kHmat};
  if (ns > 0) made.idle_latency = {Nanoseconds(ns), Provenance::kHmat};
  return made;
}

std::vector<std::string> sorted(std::vector<Tier> tiers) {
  sort_tiers(tiers);
  std::vector<std::string> names;
  for (const Tier& each : tiers) names.push_back(each.name);
  return names;
}

TEST(SortTiers, MoreBandwidthComesFirst) {
  EXPECT_THAT(sorted({tier("cxl", TierKind::kCxl, 50), tier("dram", TierKind::kDram, 200),
                      tier("hbm", TierKind::kHbm, 800)}),
              ElementsAre("hbm", "dram", "cxl"));
}

TEST(SortTiers, LatencyDecidesAmongEqualBandwidths) {
  EXPECT_THAT(sorted({tier("far", TierKind::kCxl, 50, 400), tier("untold", TierKind::kCxl, 50),
                      tier("near", TierKind::kCxl, 50, 200)}),
              ElementsAre("near", "far", "untold"));
}

TEST(SortTiers, ATierWithoutFiguresFollowsItsKindOrTheFasterOnes) {
  EXPECT_THAT(sorted({tier("cxl2", TierKind::kCxl), tier("pmem", TierKind::kPmem, 10),
                      tier("cxl", TierKind::kCxl, 50), tier("dram", TierKind::kDram, 200),
                      tier("hbm", TierKind::kHbm)}),
              ElementsAre("hbm", "dram", "cxl", "cxl2", "pmem"));
  EXPECT_THAT(sorted({tier("cxl", TierKind::kCxl, 50), tier("dram", TierKind::kDram)}),
              ElementsAre("dram", "cxl"));
}

TEST(SortTiers, TheOrderGivenDecidesAmongEquals) {
  EXPECT_THAT(sorted({tier("node4", TierKind::kUnknown), tier("pmem", TierKind::kPmem),
                      tier("node2", TierKind::kUnknown)}),
              ElementsAre("pmem", "node4", "node2"));
}

TEST(SortTiers, EmulatedLinksComeLast) {
  Tier link = tier("link", TierKind::kCxl, 900);
  link.backing = BackingKind::kEmulatedLink;
  EXPECT_THAT(sorted({link, tier("dram", TierKind::kDram, 20), tier("x", TierKind::kUnknown)}),
              ElementsAre("dram", "x", "link"));
}

}  // namespace
}  // namespace terrace::sort_tiers_test
