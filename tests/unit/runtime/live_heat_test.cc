// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/live_heat.h"

#include <gtest/gtest.h>

namespace terrace::runtime::live_heat_test {
namespace {

constexpr std::uint32_t kBlock = 7;
constexpr Nanoseconds kTenth = milliseconds(100);

LiveHeat opened() {
  LiveHeat heat;
  EXPECT_TRUE(heat.open(64).ok());
  return heat;
}

TEST(LiveHeat, ARateIsBytesOverTheTimeThatWasObserved) {
  LiveHeat heat = opened();
  EXPECT_EQ(heat.bytes_per_second(kBlock, 1), 0);
  heat.source_saw(kBlock, 1, {1e8, kTenth});
  EXPECT_NEAR(heat.bytes_per_second(kBlock, 1), 1e9, 1e3);
  heat.links_saw(kBlock, 1, {2e8, milliseconds(1000)});
  EXPECT_NEAR(heat.bytes_per_second(kBlock, 1), 1.2e9, 1e3);
}

TEST(LiveHeat, ForgetsWhatIsLongAgo) {
  LiveHeat heat = opened();
  heat.source_saw(kBlock, 1, {1e8, kTenth});
  for (int i = 0; i < 60; ++i) heat.source_saw(kBlock, 1, {0, kTenth});
  EXPECT_LT(heat.bytes_per_second(kBlock, 1), 1e6);
}

TEST(LiveHeat, AnObjectInThePlaceOfAnotherInheritsNothing) {
  LiveHeat heat = opened();
  heat.source_saw(kBlock, 1, {1e8, kTenth});
  EXPECT_EQ(heat.bytes_per_second(kBlock, 2), 0);
  heat.source_saw(kBlock, 2, {1e7, kTenth});
  EXPECT_NEAR(heat.bytes_per_second(kBlock, 2), 1e8, 1e3);
  EXPECT_EQ(heat.bytes_per_second(kBlock, 1), 0);
}

TEST(LiveHeat, TiersCountWhenTheRecordIsClosed) {
  LiveHeat heat = opened();
  EXPECT_FALSE(heat.has_tiers());
  EXPECT_FALSE(heat.has_tiers());
  heat.tier_seen(1, 3e8);
  heat.settle(Nanoseconds());  // no window was counted: nothing is known yet
  EXPECT_FALSE(heat.has_tiers());
  EXPECT_FALSE(heat.has_tiers());
  heat.settle(kTenth);
  EXPECT_NEAR(heat.tier_bytes_per_second(1), 3e9, 1e3);
  EXPECT_EQ(heat.tier_bytes_per_second(0), 0);
}

TEST(LiveHeat, IsEmptyBeforeItIsOpen) {
  LiveHeat heat;
  heat.source_saw(kBlock, 1, {1e8, kTenth});
  EXPECT_EQ(heat.bytes_per_second(kBlock, 1), 0);
}

}  // namespace
}  // namespace terrace::runtime::live_heat_test
