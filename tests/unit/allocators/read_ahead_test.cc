// SPDX-License-Identifier: Apache-2.0
#include "allocators/backing/read_ahead.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace terrace::backing::read_ahead_test {
namespace {

/// Blocks in numerical order by `stride`, up to `end`.
struct Order {
  std::uint32_t end = 1000;
  std::uint32_t stride = 1;

  BlockOrder as_block_order() const { return {&next, this}; }
  static std::uint32_t next(const void* context, std::uint32_t block) {
    const auto* order = static_cast<const Order*>(context);
    return block + order->stride < order->end ? block + order->stride : kNoBlock;
  }
};

class ReadAheadTest : public testing::Test {
 protected:
  std::vector<Ahead> touch(std::uint32_t block) {
    now_ = now_ + microseconds(100);
    Ahead ahead[ReadAhead::kMaxWindow];
    const std::uint32_t count = reader_.touched(block, now_, order_.as_block_order(), ahead);
    EXPECT_LE(count, ReadAhead::kMaxWindow);
    return {ahead, ahead + count};
  }
  static std::vector<std::uint32_t> blocks(const std::vector<Ahead>& ahead) {
    std::vector<std::uint32_t> out;
    for (const Ahead& one : ahead) out.push_back(one.block);
    return out;
  }
  using Blocks = std::vector<std::uint32_t>;

  Order order_;
  ReadAhead reader_;
  Nanoseconds now_;
};

TEST_F(ReadAheadTest, WindowGrowsFromOneToFourToSixteen) {
  EXPECT_EQ(blocks(touch(10)), (Blocks{11}));
  EXPECT_EQ(blocks(touch(11)), (Blocks{12, 13, 14, 15}));
  EXPECT_EQ(blocks(touch(12)), (Blocks{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28}));
  EXPECT_EQ(blocks(touch(13)), (Blocks{29}));
}

TEST_F(ReadAheadTest, NothingIsRequestedTwiceInAStream) {
  std::vector<bool> requested(1000, false);
  for (std::uint32_t block = 0; block < 900; ++block) {
    for (const Ahead& ahead : touch(block)) {
      EXPECT_GT(ahead.block, block);
      EXPECT_FALSE(requested[ahead.block]) << ahead.block;
      requested[ahead.block] = true;
    }
  }
}

TEST_F(ReadAheadTest, DistanceIsCountedFromTheTouchedBlock) {
  touch(10);
  for (const Ahead& ahead : touch(11)) EXPECT_EQ(ahead.distance, ahead.block - 11);
  for (const Ahead& ahead : touch(12)) EXPECT_EQ(ahead.distance, ahead.block - 12);
}

TEST_F(ReadAheadTest, EveryEighthBlockOfASteadyStreamIsAMarker) {
  touch(0);
  touch(1);
  touch(2);
  // Only markers fault once the others open by themselves, so only they are touched from here on.
  std::uint32_t last_marker = 0;
  std::uint32_t at = 3;
  std::uint32_t markers = 0;
  while (at < 900) {
    std::uint32_t next_marker = 0;
    for (const Ahead& ahead : touch(at)) {
      if (!ahead.marker) continue;
      if (last_marker != 0) {
        EXPECT_EQ(ahead.block - last_marker, ReadAhead::kMarkerEvery);
        ++markers;
      }
      last_marker = ahead.block;
      if (next_marker == 0) next_marker = ahead.block;
    }
    at = next_marker > at ? next_marker : at + 1;
  }
  EXPECT_GT(markers, 80u);
}

TEST_F(ReadAheadTest, YoungStreamsHaveOnlyMarkers) {
  for (const Ahead& ahead : touch(10)) EXPECT_TRUE(ahead.marker);
  for (const Ahead& ahead : touch(11)) EXPECT_TRUE(ahead.marker);
}

TEST_F(ReadAheadTest, RandomTouchesAskAtMostForTheNextBlock) {
  order_.end = 1u << 30;
  std::mt19937 random(20260101);
  for (int i = 0; i < 2000; ++i) {
    const std::uint32_t block = static_cast<std::uint32_t>(random() % (1u << 20)) * 64;
    const auto ahead = touch(block);
    ASSERT_LE(ahead.size(), 1u);
    if (!ahead.empty()) {
      EXPECT_EQ(ahead[0].block, block + 1);
    }
  }
}

TEST_F(ReadAheadTest, StreamsStopAtTheEndOfTheObject) {
  order_.end = 13;
  EXPECT_EQ(blocks(touch(10)), (Blocks{11}));
  EXPECT_EQ(blocks(touch(11)), (Blocks{12}));
  EXPECT_TRUE(touch(12).empty());
}

TEST_F(ReadAheadTest, LastBlockAsksForNothing) {
  order_.end = 5;
  EXPECT_TRUE(touch(4).empty());
}

TEST_F(ReadAheadTest, FollowsAStripeThroughItsOwnOrder) {
  order_.stride = 3;
  EXPECT_EQ(blocks(touch(0)), (Blocks{3}));
  EXPECT_EQ(blocks(touch(3)), (Blocks{6, 9, 12, 15}));
}

TEST_F(ReadAheadTest, SixteenStreamsGrowSideBySide) {
  order_.end = 1u << 30;
  for (std::uint32_t step = 0; step < 6; ++step) {
    for (std::uint32_t stream = 0; stream < 16; ++stream) {
      const auto ahead = touch(stream * 1000 + step);
      if (step == 1) {
        EXPECT_EQ(ahead.size(), 4u) << "stream " << stream;
      }
      if (step >= 3) {
        EXPECT_EQ(ahead.size(), 1u) << "stream " << stream;
      }
    }
  }
}

TEST_F(ReadAheadTest, ForgottenStreamStartsAnew) {
  touch(10);
  touch(11);
  touch(12);
  reader_.forget(12, 1);
  EXPECT_EQ(blocks(touch(13)), (Blocks{14}));
}

TEST_F(ReadAheadTest, ForgettingElsewhereLeavesTheStream) {
  touch(10);
  touch(11);
  reader_.forget(12, 5);
  reader_.forget(0, 11);
  EXPECT_EQ(touch(12).size(), 13u);
}

TEST_F(ReadAheadTest, PaceIsTheTimeFromBlockToBlock) {
  EXPECT_EQ(reader_.pace_of(10).value, 0u);
  touch(10);
  touch(11);
  touch(12);
  EXPECT_EQ(reader_.pace_of(12), microseconds(100));
  EXPECT_EQ(reader_.pace_of(15), microseconds(100));
  EXPECT_EQ(reader_.pace_of(9).value, 0u);
  EXPECT_EQ(reader_.pace_of(500).value, 0u);
}

TEST_F(ReadAheadTest, SkippedBlocksDivideThePace) {
  touch(10);
  touch(11);
  touch(12);
  touch(16);  // 13 to 15 were open already: four blocks in the time of one touch
  EXPECT_EQ(reader_.pace_of(16).value, (3 * 100000u + 25000u) / 4);
}

// The next pass over a short object begins so: its blocks have closed again meanwhile.
TEST_F(ReadAheadTest, BlockTouchedAgainAsksForItsSuccessorAgain) {
  touch(10);
  touch(11);
  EXPECT_EQ(blocks(touch(11)), (Blocks{12}));
  EXPECT_EQ(blocks(touch(10)), (Blocks{11}));
}

}  // namespace
}  // namespace terrace::backing::read_ahead_test
