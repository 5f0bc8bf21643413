// SPDX-License-Identifier: Apache-2.0
// The virtual time of one link, by hand-made cases. link_clock_property_test.cc has random ones.
#include "allocators/backing/link_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace terrace::backing::link_clock_test {
namespace {

constexpr std::uint64_t kTransfer = 1000;
constexpr std::uint64_t kLatency = 70;

class LinkClockTest : public testing::Test {
 protected:
  LinkClockTest() { clock_.configure(Nanoseconds(kTransfer), Nanoseconds(kLatency)); }

  bool demand(std::uint32_t block, std::uint64_t at) {
    return clock_.request(block, Urgency::kDemand, Nanoseconds(at));
  }
  bool ahead(std::uint32_t block, std::uint64_t at) {
    return clock_.request(block, Urgency::kAhead, Nanoseconds(at));
  }
  /// Everything that arrives, in order, with its time.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> drain() {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> all;
    Arrival arrival;
    while (clock_.next_arrival() != kNever) {
      EXPECT_TRUE(clock_.take_arrival(clock_.next_arrival(), arrival));
      all.emplace_back(arrival.block, arrival.at.value);
    }
    return all;
  }
  using Arrivals = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

  LinkClock clock_;
};

TEST_F(LinkClockTest, IsIdleBeforeAnyRequest) {
  Arrival arrival;
  EXPECT_EQ(clock_.next_arrival(), kNever);
  EXPECT_FALSE(clock_.take_arrival(Nanoseconds(1u << 30), arrival));
}

TEST_F(LinkClockTest, OneBlockTakesTransferAndLatency) {
  ASSERT_TRUE(demand(7, 500));
  EXPECT_EQ(clock_.next_arrival().value, 500 + kTransfer + kLatency);
  Arrival arrival;
  EXPECT_FALSE(clock_.take_arrival(Nanoseconds(500 + kTransfer + kLatency - 1), arrival));
  ASSERT_TRUE(clock_.take_arrival(Nanoseconds(500 + kTransfer + kLatency), arrival));
  EXPECT_EQ(arrival.block, 7u);
  EXPECT_EQ(arrival.at.value, 500 + kTransfer + kLatency);
  EXPECT_EQ(clock_.next_arrival(), kNever);
}

TEST_F(LinkClockTest, TwoDemandsFollowOneAnother) {
  demand(1, 0);
  demand(2, 10);
  EXPECT_EQ(drain(), (Arrivals{{1, kTransfer + kLatency}, {2, 2 * kTransfer + kLatency}}));
}

TEST_F(LinkClockTest, LatencyDoesNotOccupyTheLink) {
  for (std::uint32_t block = 0; block < 10; ++block) demand(block, 0);
  const Arrivals all = drain();
  ASSERT_EQ(all.size(), 10u);
  for (std::uint32_t block = 0; block < 10; ++block) {
    EXPECT_EQ(all[block].second, (block + 1) * kTransfer + kLatency);
  }
}

TEST_F(LinkClockTest, LateDrainLosesNoBandwidth) {
  for (std::uint32_t block = 0; block < 4; ++block) demand(block, 0);
  Arrival arrival;
  for (std::uint32_t block = 0; block < 4; ++block) {
    ASSERT_TRUE(clock_.take_arrival(Nanoseconds(50 * kTransfer), arrival));
    EXPECT_EQ(arrival.at.value, (block + 1) * kTransfer + kLatency);
  }
}

TEST_F(LinkClockTest, IdleTimeIsNotSavedUp) {
  demand(1, 0);
  drain();
  demand(2, 100 * kTransfer);
  EXPECT_EQ(drain(), (Arrivals{{2, 101 * kTransfer + kLatency}}));
}

TEST_F(LinkClockTest, DemandInterruptsReadAheadWhoseRestIsSentAfter) {
  ahead(1, 0);
  demand(2, 300);
  EXPECT_EQ(drain(), (Arrivals{{2, 300 + kTransfer + kLatency}, {1, 2 * kTransfer + kLatency}}));
}

TEST_F(LinkClockTest, InterruptedTwiceKeepsWhatWasSent) {
  ahead(1, 0);
  demand(2, 300);
  demand(3, 1400);  // block 1 has 300 + 100 of its 1000 behind it
  EXPECT_EQ(drain(), (Arrivals{{2, 1300 + kLatency}, {3, 2400 + kLatency}, {1, 3000 + kLatency}}));
}

TEST_F(LinkClockTest, InterruptedBlockGoesBeforeOtherReadAhead) {
  ahead(1, 0);
  ahead(2, 0);
  demand(3, 400);
  EXPECT_EQ(drain(), (Arrivals{{3, 1400 + kLatency}, {1, 2000 + kLatency}, {2, 3000 + kLatency}}));
}

TEST_F(LinkClockTest, DemandDoesNotInterruptDemand) {
  demand(1, 0);
  demand(2, 500);
  EXPECT_EQ(drain().front().second, kTransfer + kLatency);
}

TEST_F(LinkClockTest, RaisedBlockOnTheWireIsNotInterrupted) {
  ahead(1, 0);
  clock_.raise(1, Nanoseconds(100));
  demand(2, 200);
  EXPECT_EQ(drain(), (Arrivals{{1, kTransfer + kLatency}, {2, 2 * kTransfer + kLatency}}));
}

TEST_F(LinkClockTest, RaisedQueuedBlockOvertakesReadAhead) {
  ahead(1, 0);
  ahead(2, 0);
  ahead(3, 0);
  clock_.raise(3, Nanoseconds(250));
  EXPECT_EQ(drain(), (Arrivals{{3, 1250 + kLatency}, {1, 2000 + kLatency}, {2, 3000 + kLatency}}));
}

TEST_F(LinkClockTest, RaisedInterruptedBlockSendsOnlyItsRest) {
  ahead(1, 0);
  demand(2, 600);  // 400 of block 1 are left
  clock_.raise(1, Nanoseconds(700));
  EXPECT_EQ(drain(), (Arrivals{{2, 1600 + kLatency}, {1, 2000 + kLatency}}));
}

TEST_F(LinkClockTest, RaiseOfUnknownOrArrivedBlockChangesNothing) {
  ahead(1, 0);
  clock_.raise(9, Nanoseconds(10));
  Arrival arrival;
  ASSERT_TRUE(clock_.take_arrival(Nanoseconds(kTransfer + kLatency), arrival));
  clock_.raise(1, Nanoseconds(2 * kTransfer));
  EXPECT_EQ(clock_.next_arrival(), kNever);
}

TEST_F(LinkClockTest, CancelledMovingBlockFreesTheLinkAtOnce) {
  demand(1, 0);
  demand(2, 0);
  clock_.cancel(1, Nanoseconds(400));
  EXPECT_EQ(drain(), (Arrivals{{2, 1400 + kLatency}}));
}

TEST_F(LinkClockTest, CancelledQueuedBlocksNeverArrive) {
  demand(1, 0);
  demand(2, 0);
  ahead(3, 0);
  ahead(4, 0);
  clock_.cancel(2, Nanoseconds(1));
  clock_.cancel(3, Nanoseconds(1));
  EXPECT_EQ(drain(), (Arrivals{{1, kTransfer + kLatency}, {4, 2 * kTransfer + kLatency}}));
}

TEST_F(LinkClockTest, CancelledArrivedBlockIsNotHandedOut) {
  demand(1, 0);
  demand(2, 0);
  clock_.cancel(1, Nanoseconds(kTransfer + 1));  // sent, its latency not over
  EXPECT_EQ(drain(), (Arrivals{{2, 2 * kTransfer + kLatency}}));
}

TEST_F(LinkClockTest, RefusesWhenAQueueIsFullAndGoesOnAfterwards) {
  std::uint32_t accepted = 0;
  while (demand(accepted, 0)) ++accepted;
  EXPECT_EQ(accepted, 257u);  // 256 wait, one is on the wire
  std::uint32_t also_ahead = 0;
  while (ahead(1000 + also_ahead, 0)) ++also_ahead;
  EXPECT_EQ(also_ahead, 256u);
  Arrival arrival;
  ASSERT_TRUE(clock_.take_arrival(Nanoseconds(kTransfer + kLatency), arrival));
  EXPECT_TRUE(demand(5000, kTransfer + kLatency));
  EXPECT_EQ(drain().size(), 256u + 256u + 1u);
}

TEST_F(LinkClockTest, TimeThatGoesBackDeliversNothingEarlier) {
  demand(1, 10000);
  drain();
  demand(2, 500);  // the engine looks slightly ahead, faults carry an earlier time
  EXPECT_GE(drain().front().second, 10000 + 2 * kTransfer + kLatency);
}

}  // namespace
}  // namespace terrace::backing::link_clock_test
