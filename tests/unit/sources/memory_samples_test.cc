// SPDX-License-Identifier: Apache-2.0
// The way from perf_event_open to counts by block, on page faults: the one event with addresses
// that every machine has. One fault of a 4 KiB page is one sample.
#include "profiler/sources/memory_samples.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

#include "allocators/os/mapping.h"

namespace terrace::sources::memory_samples_test {
namespace {

constexpr std::uint32_t kBlocks = 8;
constexpr Bytes kSize(std::uint64_t{kBlocks} << kBlockShift);
constexpr int kNoHugePages = 15;  // MADV_NOHUGEPAGE

SampleEvent page_faults() {
  SampleEvent event{};
  event.type = 1;    // PERF_TYPE_SOFTWARE
  event.config = 2;  // PERF_COUNT_SW_PAGE_FAULTS
  event.period = 1;
  event.bytes_per_event = 4096;
  return event;
}

/// There is a ring for each CPU, which tells of its own losses alone: the thread stays on one.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }
  OnOneCpu(const OnOneCpu&) = delete;
  OnOneCpu& operator=(const OnOneCpu&) = delete;

 private:
  cpu_set_t before_;
};

class MemorySamplesOfFaults : public testing::Test {
 protected:
  void SetUp() override {
    const SampleEvent event = page_faults();
    if (const Status attached = samples_.attach(&event, 1); !attached) {
      GTEST_SKIP() << "missing capability: " << attached.error().message;
    }
    at_ = static_cast<char*>(os::reserve_address_space(kSize));
    ASSERT_EQ(os::map_private(at_, kSize, os::PageAdvice::kNone), 0);
    ASSERT_EQ(os::advise(at_, kSize, kNoHugePages), 0);
    ASSERT_TRUE(samples_.open({at_, kBlocks}).ok());
  }
  void TearDown() override {
    samples_.close();
    if (at_ != nullptr) os::unmap(at_, kSize);
  }
  /// Not instrumented: the shadow of these pages would fault along and fill the ring.
  __attribute__((no_sanitize("address", "thread"))) void fault_in(std::uint32_t block,
                                                                  std::uint32_t pages) {
    volatile char* const bytes = at_ + (std::uint64_t{block} << kBlockShift);
    for (std::uint32_t i = 0; i < pages; ++i) bytes[i * 4096] = 1;
  }
  MemorySamples samples_;
  char* at_ = nullptr;
};

TEST_F(MemorySamplesOfFaults, AreCountedInTheBlockOfTheirAddress) {
  ASSERT_EQ(samples_.begin(), 0);
  fault_in(2, 300);
  fault_in(6, 17);
  ASSERT_EQ(samples_.end(), 0);
  std::uint32_t counts[kBlocks] = {};
  ASSERT_EQ(samples_.end_run({at_, 0, kBlocks}, counts), 0);
  for (std::uint32_t block = 0; block < kBlocks; ++block) {
    EXPECT_EQ(counts[block], block == 2 ? 300u : block == 6 ? 17u : 0u) << block;
  }
  EXPECT_EQ(samples_.counts().lost, 0u);
  EXPECT_EQ(samples_.counts().malformed, 0u);
  EXPECT_EQ(samples_.per_observation(), KiB(4));
}

TEST_F(MemorySamplesOfFaults, OfThreadsThatAreStartedLaterAreSeen) {
  ASSERT_EQ(samples_.begin(), 0);
  std::thread([&] { fault_in(3, 100); }).join();
  ASSERT_EQ(samples_.end(), 0);
  std::uint32_t counts[kBlocks] = {};
  ASSERT_EQ(samples_.end_run({at_, 0, kBlocks}, counts), 0);
  EXPECT_EQ(counts[3], 100u);
}

TEST_F(MemorySamplesOfFaults, OutsideOfAWindowAreNotSeen) {
  ASSERT_EQ(samples_.begin(), 0);
  ASSERT_EQ(samples_.end(), 0);
  fault_in(1, 50);
  ASSERT_EQ(samples_.begin(), 0);
  ASSERT_EQ(samples_.end(), 0);
  std::uint32_t counts[kBlocks] = {};
  ASSERT_EQ(samples_.end_run({at_, 0, kBlocks}, counts), 0);
  EXPECT_EQ(counts[1], 0u);
}

TEST_F(MemorySamplesOfFaults, BeyondTheRingAreCountedAsLostAndNotAsSeen) {
  const OnOneCpu here;
  ASSERT_EQ(samples_.begin(), 0);
  for (std::uint32_t block = 0; block < kBlocks; ++block) fault_in(block, 512);
  ASSERT_EQ(samples_.end(), 0);
  std::uint32_t counts[kBlocks] = {};
  ASSERT_EQ(samples_.end_run({at_, 0, kBlocks}, counts), 0);
  std::uint64_t seen = 0;
  for (const std::uint32_t count : counts) seen += count;
  EXPECT_GT(seen, 1000u);
  EXPECT_LT(seen, kBlocks * 512);
  EXPECT_EQ(samples_.counts().malformed, 0u);
  // The kernel tells of the loss with the next sample that finds room.
  ASSERT_EQ(os::drop_pages(at_, kSize), 0);
  ASSERT_EQ(samples_.begin(), 0);
  fault_in(0, 1);
  ASSERT_EQ(samples_.end(), 0);
  // Faults elsewhere in the process find no room either: a sanitizer's shadow, say.
  EXPECT_GE(samples_.counts().lost, kBlocks * 512 - seen);
}

TEST(MemorySamples, WithoutAnEventSayWhatIsMissing) {
  MemorySamples samples;
  const Status opened = samples.open({});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCapabilityMissing);
}

TEST(MemorySamples, OfAnEventThatTheMachineLacksSayWhyLater) {
  SampleEvent event = page_faults();
  event.type = 4;  // PERF_TYPE_RAW
  event.config = 0xffffffff;
  MemorySamples samples;
  const Status attached = samples.attach(&event, 1);
  if (attached) GTEST_SKIP() << "missing capability: a machine without that event";
  const Status opened = samples.open({});
  ASSERT_FALSE(opened.ok());
  EXPECT_STREQ(opened.error().message, attached.error().message);
}

}  // namespace
}  // namespace terrace::sources::memory_samples_test
