// SPDX-License-Identifier: Apache-2.0
// The parts of the memory probe: what the streams read and how fast, where the cycle leads, what
// the caches are.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "profiler/calibrate/cache_size.h"
#include "profiler/calibrate/pointer_cycle.h"
#include "profiler/calibrate/stream_kernel.h"
#include "profiler/calibrate/stream_loop.h"
#include "profiler/calibrate/stream_meter.h"

namespace terrace::calibrate {
namespace {

struct alignas(64) Line {
  std::uint64_t words[8];
};

std::vector<Line> random_lines(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Line> lines(count);
  for (Line& line : lines)
    for (std::uint64_t& word : line.words) word = random();
  return lines;
}

const std::byte* bytes_of(const std::vector<Line>& lines) {
  return reinterpret_cast<const std::byte*>(lines.data());
}

TEST(StreamSum, CountsEveryWord) {
  constexpr std::uint64_t kSeed = 42;
  auto lines = random_lines(64, kSeed);
  std::uint64_t expected = 0;
  for (const Line& line : lines)
    for (const std::uint64_t word : line.words) expected += word;
  const std::size_t bytes = lines.size() * sizeof(Line);
  ASSERT_EQ(bytes % kStreamStride, 0u);
  EXPECT_EQ(stream_sum(bytes_of(lines), bytes), expected) << "seed " << kSeed;
  for (Line& line : lines)
    for (std::uint64_t& word : line.words) {
      ++word;
      EXPECT_EQ(stream_sum(bytes_of(lines), bytes), ++expected);
    }
}

TEST(StreamSum, IsTheSameAtEveryWidth) {
  constexpr std::uint64_t kSeed = 43;
  const auto lines = random_lines(128, kSeed);
  const std::size_t bytes = lines.size() * sizeof(Line);
  EXPECT_EQ(stream_loop<16>(bytes_of(lines), bytes), stream_loop<32>(bytes_of(lines), bytes));
  EXPECT_EQ(stream_loop<16>(bytes_of(lines), bytes), stream_sum(bytes_of(lines), bytes));
}

TEST(StreamMeter, GivesAFigureThoughNoStreamCameToRunInTheWindow) {
  StreamMeter meter(2);
  std::latch over(1);
  const auto stream = [&] {
    meter.begin();
    over.wait();
    while (!meter.done()) meter.add(4096);
  };
  std::thread first(stream);
  std::thread second(stream);
  const double gbps = meter.measure([&] { over.count_down(); });
  first.join();
  second.join();
  EXPECT_GT(gbps, 0);
  EXPECT_TRUE(std::isfinite(gbps));
}

TEST(StreamMeter, TheWindowOpensWhenAllStreamsRunAndLeavesOutWhatTheyReadBefore) {
  constexpr int kStreams = 3;
  StreamMeter meter(kStreams);
  std::atomic<int> running{0};
  std::latch open(1);
  std::vector<std::thread> streams;
  for (int i = 0; i < kStreams; ++i) {
    streams.emplace_back([&] {
      meter.add(std::uint64_t{1} << 40);
      ++running;
      meter.begin();
      open.wait();
      meter.add(1);
    });
  }
  const double gbps = meter.measure([&] {
    EXPECT_EQ(running.load(), kStreams);
    open.count_down();
  });
  for (std::thread& stream : streams) stream.join();
  EXPECT_GT(gbps, 0);
  EXPECT_LE(gbps, kStreams) << "a byte of each, in a nanosecond or more";
}

TEST(StreamMeter, EndsStreamsThoughOthersCouldNotBeStarted) {
  StreamMeter meter(2);
  std::thread only([&] {
    meter.begin();
    while (!meter.done()) meter.add(1);
  });
  meter.stop();
  only.join();
  EXPECT_TRUE(meter.done());
}

TEST(PointerCycle, VisitsEveryLineOnceAndReturns) {
  for (const std::size_t count : {2u, 3u, 64u, 4096u})
    for (const std::uint64_t seed : {1u, 2u, 77u}) {
      std::vector<Line> lines(count);
      auto* const memory = reinterpret_cast<std::byte*>(lines.data());
      build_pointer_cycle(memory, count, seed);
      std::vector<bool> seen(count);
      std::uint64_t line = 0;
      for (std::size_t step = 0; step < count; ++step) {
        ASSERT_LT(line, count);
        ASSERT_FALSE(seen[line]) << count << " lines, seed " << seed;
        seen[line] = true;
        line = chase(memory, line, 1);
      }
      EXPECT_EQ(line, 0u) << count << " lines, seed " << seed;
      EXPECT_EQ(chase(memory, 0, count), 0u);
    }
}

TEST(PointerCycle, DependsOnItsSeed) {
  std::vector<Line> one(256);
  std::vector<Line> other(256);
  build_pointer_cycle(reinterpret_cast<std::byte*>(one.data()), 256, 1);
  build_pointer_cycle(reinterpret_cast<std::byte*>(other.data()), 256, 2);
  EXPECT_NE(std::memcmp(one.data(), other.data(), 256 * sizeof(Line)), 0);
}

class CacheSizeTest : public ::testing::Test {
 protected:
  CacheSizeTest() {
    root_ = std::filesystem::path(::testing::TempDir()) /
            ("terrace_cache_sizes_" + std::to_string(getpid()));
    std::filesystem::remove_all(root_);
  }
  ~CacheSizeTest() override { std::filesystem::remove_all(root_); }
  void add(int cpu, int index, const char* level, const char* size, const char* cpus) {
    const auto folder = root_ / "devices/system/cpu" / ("cpu" + std::to_string(cpu)) / "cache" /
                        ("index" + std::to_string(index));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "level") << level << "\n";
    std::ofstream(folder / "size") << size << "\n";
    std::ofstream(folder / "shared_cpu_list") << cpus << "\n";
  }
  std::filesystem::path root_;
};

TEST_F(CacheSizeTest, CountsASharedCacheOnce) {
  for (int cpu = 0; cpu < 4; ++cpu) {
    add(cpu, 0, "1", "48K", std::to_string(cpu).c_str());
    add(cpu, 3, "3", "32768K", cpu < 2 ? "0-1" : "2-3");
  }
  const CacheSizes sizes = read_cache_sizes(root_.string());
  EXPECT_EQ(sizes.largest, MiB(32));
  EXPECT_EQ(sizes.total, MiB(64));
}

TEST_F(CacheSizeTest, TakesTheHighestLevelThereIs) {
  add(0, 0, "1", "32K", "0");
  add(0, 1, "2", "2048K", "0");
  EXPECT_EQ(read_cache_sizes(root_.string()).total, MiB(2));
}

TEST_F(CacheSizeTest, FallsBackWhereSysfsIsSilentOrGarbage) {
  EXPECT_EQ(read_cache_sizes(root_.string()).largest, MiB(32));
  add(0, 3, "3", "many", "0");
  add(1, 3, "third", "32768K", "1");
  EXPECT_EQ(read_cache_sizes(root_.string()).largest, MiB(32));
}

}  // namespace
}  // namespace terrace::calibrate
