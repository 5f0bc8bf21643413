// SPDX-License-Identifier: Apache-2.0
// Encodings, not events: libpfm4 is told which processor it is on.
#include "tiering/cli/os/memory_events.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace terrace::cli::os::memory_events_test {
namespace {

constexpr std::uint32_t kRaw = 4;  // PERF_TYPE_RAW

class MemoryEventsOf : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv("LIBPFM_FORCE_PMU");
    std::filesystem::remove_all(root_);
  }
  MemoryEvents on(const char* processor) {
    setenv("LIBPFM_FORCE_PMU", processor, 1);
    return find_memory_events(root_);
  }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_ = testing::TempDir() + "event_sources" + std::to_string(getpid());
};

// First, since libpfm4 never forgets a processor that it was told of in the same process.
TEST_F(MemoryEventsOf, AKernelThatNumbersIbsWithALetterHasNone) {
  write("/ibs_op/type", "x");
  EXPECT_TRUE(on("amd64_k7").events.empty());
}

TEST_F(MemoryEventsOf, AProcessorWithoutThemSaysSo) {
  const MemoryEvents found = on("core");
  EXPECT_TRUE(found.events.empty());
  EXPECT_NE(found.detail.find("libpfm4"), std::string::npos) << found.detail;
}

TEST_F(MemoryEventsOf, SkylakeAreLoadsByLatencyAndAllStores) {
  const MemoryEvents found = on("skx");
  ASSERT_EQ(found.events.size(), 2u) << found.detail;
  EXPECT_EQ(found.events[0].type, kRaw);
  EXPECT_EQ(found.events[0].config & 0xffff, 0x01cdu);  // event 0xcd, umask 1
  EXPECT_EQ(found.events[0].config1, 10u) << "the least latency, in cycles";
  EXPECT_EQ(found.events[1].config & 0xffff, 0x82d0u);  // event 0xd0, umask 0x82
  const auto bytes = [](const sources::SampleEvent& event) {
    return static_cast<double>(event.period * event.bytes_per_event);
  };
  EXPECT_NEAR(bytes(found.events[0]) / bytes(found.events[1]), 1, 0.01)
      << "samples of both are added up";
}

TEST_F(MemoryEventsOf, SapphireRapidsHaveALeader) {
  write("/cpu/events/mem-loads-aux", "event=0x03,umask=0x82");
  const MemoryEvents found = on("spr");
  ASSERT_EQ(found.events.size(), 3u) << found.detail;
  EXPECT_EQ(found.events[0].flags, static_cast<std::uint32_t>(sources::kSampleLeader));
  EXPECT_EQ(found.events[0].config, 0x8203u);
  EXPECT_EQ(found.events[0].period, 0u);
  EXPECT_EQ(found.events[1].config & 0xffff, 0x01cdu);
}

TEST_F(MemoryEventsOf, AmdAreIbsAsTheKernelNumbersIt) {
  write("/ibs_op/type", "11\n");
  const MemoryEvents found = find_memory_events(root_);
  ASSERT_EQ(found.events.size(), 1u);
  EXPECT_EQ(found.events[0].type, 11u);
  EXPECT_EQ(found.events[0].config, std::uint64_t{1} << 19);
  EXPECT_EQ(found.events[0].period % 16, 0u) << "IBS counts in units of 16";
}

}  // namespace
}  // namespace terrace::cli::os::memory_events_test
