// SPDX-License-Identifier: Apache-2.0
// The link engine with real faults. Nothing is timed: a test waits for what it needs to see.
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <numeric>
#include <thread>

#include "allocators/os/clock.h"
#include "allocators/os/page_presence.h"
#include "tests/unit/extent/huge_pages.h"
#include "tests/unit/extent/rig.h"

namespace terrace::extent::emulated_link_test {
namespace {

constexpr std::uint64_t kBlock = kBlockBytes.value;

// Never destroyed, as the runtime's: the links' threads are at work to the end.
Rig& pacing = *new Rig;
Rig& recording = *new Rig;

class EmulatedLink : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    pages_ = std::make_unique<testing_support::HugePages>(96);
    if (pacing.arena.is_open()) return;
    pacing.start(Observation::kNone, backing::Exactness::kPace, GBps(10));
    recording.start(Observation::kNone, backing::Exactness::kRecord, GBps(10));
  }
  static void TearDownTestSuite() { pages_.reset(); }
  void SetUp() override {
    if (pacing.missing[0] != '\0') GTEST_SKIP() << pacing.missing;
    auto presence = os::PagePresence::open();
    if (!presence) GTEST_SKIP() << presence.error().message;
    presence_ = std::move(*presence);
  }

  /// Until every block's page-table entries are gone again.
  void wait_until_closed(const char* at, std::uint64_t blocks) {
    for (;;) {
      std::vector<std::uint32_t> touches(blocks);
      ASSERT_EQ(presence_.count_present(at, blocks, touches.data()), 0);
      std::uint32_t open = 0;
      for (const std::uint32_t one : touches) open += one;
      if (open == 0) return;
      std::this_thread::yield();
    }
  }
  /// Until blocks that closed are no longer taken for cached ones.
  static void let_caches_forget() {
    const Nanoseconds until = os::monotonic_now() + backing::kCachedWithin + milliseconds(1);
    while (os::monotonic_now() < until) std::this_thread::yield();
  }
  /// The most passes that these touches may count. One each; but a toucher that is kept from the
  /// CPU until its block has closed again faults anew, which the engine cannot tell from a pass.
  static std::uint64_t touch_each(const char* at, std::uint64_t blocks) {
    std::uint64_t passes = 0;
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const Nanoseconds begin = os::monotonic_now();
      [[maybe_unused]] const char value = *static_cast<const volatile char*>(at + i * kBlock);
      passes += 1 + (os::monotonic_now() - begin).value / backing::kOpenTime.value;
    }
    return passes;
  }

  static inline std::unique_ptr<testing_support::HugePages> pages_;
  os::PagePresence presence_;
};

TEST_F(EmulatedLink, MeasuresItsOwnFaultCost) {
  EXPECT_TRUE(pacing.links.running());
  EXPECT_GT(pacing.links.fault_cost().value, 0u);
}

TEST_F(EmulatedLink, DataSurvivesManyClosesAndOpens) {
  constexpr std::uint64_t kBlocks = 12;
  Object* object = pacing.map_placed(std::vector<std::uint8_t>(kBlocks, kEmulated));
  char* const at = pacing.at(*object);
  for (std::uint64_t round = 0; round < 12; ++round) {
    fill(at, kBlocks * kBlock, round);
    wait_until_closed(at, kBlocks);
    ASSERT_TRUE(holds(at, kBlocks * kBlock, round));
    wait_until_closed(at, kBlocks);
  }
  pacing.end(object);
}

TEST_F(EmulatedLink, EveryPassOverABlockIsCountedWhileRecording) {
  constexpr std::uint32_t kBlocks = 20;
  constexpr std::uint32_t kPasses = 6;
  Object* object = recording.map_placed(std::vector<std::uint8_t>(kBlocks, kEmulated));
  char* const at = recording.at(*object);
  std::uint64_t most = 0;
  for (std::uint32_t pass = 0; pass < kPasses; ++pass) {
    most += touch_each(at, kBlocks);
    wait_until_closed(at, kBlocks);
  }
  std::uint32_t passes[kBlocks] = {};
  recording.links.take_passes(object->first_block, kBlocks, passes);
  for (std::uint32_t i = 0; i < kBlocks; ++i) EXPECT_GE(passes[i], kPasses) << "block " << i;
  const auto sum = [&] { return std::accumulate(passes, passes + kBlocks, std::uint64_t{0}); };
  const std::uint64_t counted = sum();
  EXPECT_LE(counted, most);
  recording.links.take_passes(object->first_block, kBlocks, passes);
  EXPECT_EQ(sum(), counted) << "taken once";
  recording.end(object);
}

TEST_F(EmulatedLink, EachPassIsChargedAgain) {
  constexpr std::uint64_t kBlocks = 10;
  Object* object = recording.map_placed(std::vector<std::uint8_t>(kBlocks, kEmulated));
  char* const at = recording.at(*object);
  for (std::uint64_t pass = 0; pass < 4; ++pass) {
    const backing::LinkStatistics before = recording.links.statistics(0);
    const std::uint64_t most = touch_each(at, kBlocks);
    wait_until_closed(at, kBlocks);
    const backing::LinkStatistics after = recording.links.statistics(0);
    EXPECT_GE(after.delivered_bytes - before.delivered_bytes, kBlocks * kBlock);
    EXPECT_LE(after.delivered_bytes - before.delivered_bytes, most * kBlock);
    EXPECT_GT(after.demand_waits, before.demand_waits);
    EXPECT_GT(after.wait_ns, before.wait_ns);
    let_caches_forget();
  }
  recording.end(object);
}

TEST_F(EmulatedLink, BlockUsedAgainRightAfterItClosedCrossesNoLink) {
  Object* object = pacing.map_placed({kEmulated});
  char* const at = pacing.at(*object);
  touch_each(at, 1);
  const auto before = pacing.links.statistics(0).cached_touches;
  // A preempted test can come late for one round, not for all.
  for (int round = 0; round < 50 && pacing.links.statistics(0).cached_touches == before; ++round) {
    wait_until_closed(at, 1);
    touch_each(at, 1);
  }
  EXPECT_GT(pacing.links.statistics(0).cached_touches, before);
  pacing.end(object);
}

TEST_F(EmulatedLink, SeveralThreadsOnTheSameBlocksSeeTheSameData) {
  Object* object = pacing.map_placed({kEmulated, kEmulated, kEmulated});
  char* const at = pacing.at(*object);
  fill(at, 3 * kBlock, 3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int pass = 0; pass < 60; ++pass) {
        if (!holds(at, 3 * kBlock, 3)) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  pacing.end(object);
}

TEST_F(EmulatedLink, FirstTouchOfMissingPagesIsZeroForAllThreads) {
  constexpr std::uint64_t kBlocks = 8;
  for (int round = 0; round < 5; ++round) {
    Object* object = pacing.map_placed(std::vector<std::uint8_t>(kBlocks, kEmulated));
    char* const at = pacing.at(*object);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (std::uint64_t i = 0; i < kBlocks; ++i) {
          auto* word = reinterpret_cast<volatile std::uint64_t*>(at + i * kBlock + t * 4096);
          if (*word != 0) wrong.fetch_add(1);
          *word = t + 1;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong.load(), 0);
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      for (std::uint64_t t = 0; t < 3; ++t) {
        EXPECT_EQ(*reinterpret_cast<std::uint64_t*>(at + i * kBlock + t * 4096), t + 1);
      }
    }
    pacing.end(object);
  }
}

TEST_F(EmulatedLink, TheKernelMayReadAndWriteClosedBlocks) {
  Object* object = pacing.map_placed({kEmulated, kEmulated});
  char* const at = pacing.at(*object);
  fill(at, 2 * kBlock, 9);
  wait_until_closed(at, 2);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], at, 8), 8);
  wait_until_closed(at, 2);
  ASSERT_EQ(read(ends[0], at + kBlock + 8, 8), 8);
  EXPECT_EQ(std::memcmp(at, at + kBlock + 8, 8), 0);
  close(ends[0]);
  close(ends[1]);
  pacing.end(object);
}

TEST_F(EmulatedLink, DetachedBlocksStayReadableUnderStreamingThreads) {
  constexpr std::uint32_t kBlocks = 16;
  for (int round = 0; round < 6; ++round) {
    Object* object = pacing.map_placed(std::vector<std::uint8_t>(kBlocks, kEmulated));
    char* const at = pacing.at(*object);
    fill(at, kBlocks * kBlock, 2);
    std::atomic<bool> stop{false};
    std::atomic<int> started{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        do {
          if (!holds(at, kBlocks * kBlock, 2)) wrong.fetch_add(1);
          started.fetch_add(1);
        } while (!stop.load());
      });
    }
    while (started.load() < 3) std::this_thread::yield();
    for (std::uint32_t i = 0; i < kBlocks; i += 2) {
      pacing.links.detach(object->first_block + i, 2);
    }
    const int seen = started.load();
    while (started.load() < seen + 3) std::this_thread::yield();
    stop.store(true);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong.load(), 0);
    const auto before = pacing.links.statistics(0);
    EXPECT_TRUE(holds(at, kBlocks * kBlock, 2));
    EXPECT_EQ(pacing.links.statistics(0).demand_waits, before.demand_waits) << "no fault any more";
    pacing.end(object);
  }
}

TEST_F(EmulatedLink, ObjectsComeAndGoBesideAStream) {
  Object* streamed = pacing.map_placed(std::vector<std::uint8_t>(8, kEmulated));
  char* const at = pacing.at(*streamed);
  fill(at, 8 * kBlock, 4);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    while (!stop.load()) {
      if (!holds(at, 8 * kBlock, 4)) wrong.fetch_add(1);
    }
  });
  for (std::uint64_t round = 0; round < 60; ++round) {
    Object* object = pacing.map_placed({kEmulated, kEmulated});
    EXPECT_TRUE(is_zero(pacing.at(*object), 2 * kBlock));
    fill(pacing.at(*object), 2 * kBlock, round);
    EXPECT_TRUE(holds(pacing.at(*object), 2 * kBlock, round));
    pacing.end(object);
  }
  stop.store(true);
  reader.join();
  EXPECT_EQ(wrong.load(), 0);
  pacing.end(streamed);
}

TEST(EmulatedLinkStart, RefusesALinkWithoutBandwidth) {
  static constinit backing::LinkEngine engine;
  static constinit Arena arena;
  ASSERT_TRUE(arena.open());
  const backing::LinkConfig config{GBps(0), Nanoseconds(1)};
  const Status started =
      engine.start(arena.base(), arena.block_count(), &config, 1, backing::Exactness::kPace);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kUsage);
  EXPECT_FALSE(engine.running());
}

}  // namespace
}  // namespace terrace::extent::emulated_link_test
