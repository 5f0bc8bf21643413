// SPDX-License-Identifier: Apache-2.0
// DAMON's files as a folder of ordinary ones: what is written where, and that nothing is written
// where somebody else monitors. The monitor itself is tested in a machine of the lab.
#include "profiler/sources/damon.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace terrace::sources::damon_test {
namespace {

namespace fs = std::filesystem;

class DamonFolder : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* const name : {"kdamonds/0/contexts/0/monitoring_attrs/intervals",
                                   "kdamonds/0/contexts/0/monitoring_attrs/nr_regions",
                                   "kdamonds/0/contexts/0/targets/0/regions/0",
                                   "kdamonds/0/contexts/0/schemes/0/access_pattern/sz",
                                   "kdamonds/0/contexts/0/schemes/0/access_pattern/nr_accesses",
                                   "kdamonds/0/contexts/0/schemes/0/access_pattern/age",
                                   "kdamonds/0/contexts/0/schemes/0/tried_regions"}) {
      fs::create_directories(root_ + "/" + name);
    }
    for (const char* const name :
         {"state", "contexts/nr_contexts", "contexts/0/operations",
          "contexts/0/monitoring_attrs/intervals/sample_us",
          "contexts/0/monitoring_attrs/intervals/aggr_us",
          "contexts/0/monitoring_attrs/nr_regions/min",
          "contexts/0/monitoring_attrs/nr_regions/max", "contexts/0/targets/nr_targets",
          "contexts/0/targets/0/pid_target", "contexts/0/targets/0/regions/nr_regions",
          "contexts/0/targets/0/regions/0/start", "contexts/0/targets/0/regions/0/end",
          "contexts/0/schemes/nr_schemes", "contexts/0/schemes/0/action",
          "contexts/0/schemes/0/access_pattern/sz/max",
          "contexts/0/schemes/0/access_pattern/nr_accesses/max",
          "contexts/0/schemes/0/access_pattern/age/max"}) {
      write(std::string("kdamonds/0/") + name, "");
    }
    write("kdamonds/nr_kdamonds", "0\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(root_ + "/" + name) << text;
  }
  std::string read(const std::string& name) {
    std::string text;
    std::getline(std::ifstream(root_ + "/" + name), text);
    return text;
  }
  void region(int number, const char* start, const char* end, const char* accesses) {
    const std::string folder =
        "kdamonds/0/contexts/0/schemes/0/tried_regions/" + std::to_string(number);
    fs::create_directories(root_ + "/" + folder);
    write(folder + "/start", start);
    write(folder + "/end", end);
    write(folder + "/nr_accesses", accesses);
  }
  /// A window of which the answer has come.
  int whole_window(const BlockRun& run, std::uint32_t* counts) {
    if (damon_.begin_run(run) != 0) return EINVAL;
    if (const int error = damon_.begin(); error != 0) return error;
    int error = EAGAIN;
    while ((error = damon_.end()) == EAGAIN) std::this_thread::yield();
    return error != 0 ? error : damon_.end_run(run, counts);
  }

  std::string root_ = testing::TempDir() + "damon" + std::to_string(getpid());
  Field field_{reinterpret_cast<char*>(0x10000000), 16};
  Damon damon_;
};

TEST_F(DamonFolder, SetsOneMonitorUpForThisProcess) {
  ASSERT_TRUE(damon_.open_at(root_.c_str(), field_).ok());
  EXPECT_EQ(read("kdamonds/nr_kdamonds"), "1");
  EXPECT_EQ(read("kdamonds/0/contexts/0/operations"), "fvaddr");
  EXPECT_EQ(read("kdamonds/0/contexts/0/targets/0/pid_target"), std::to_string(getpid()));
  EXPECT_EQ(read("kdamonds/0/contexts/0/monitoring_attrs/intervals/sample_us"), "5000");
  EXPECT_EQ(read("kdamonds/0/contexts/0/schemes/0/action"), "stat");
}

TEST_F(DamonFolder, LeavesSomebodyElsesMonitorAloneAndSaysWhose) {
  write("kdamonds/nr_kdamonds", "1\n");
  write("kdamonds/0/pid", "4711\n");
  write("kdamonds/0/state", "on\n");
  const Status opened = damon_.open_at(root_.c_str(), field_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCapabilityMissing);
  EXPECT_NE(std::string(opened.error().message).find("4711"), std::string::npos)
      << opened.error().message;
  damon_.close();
  EXPECT_EQ(read("kdamonds/nr_kdamonds"), "1");
  EXPECT_EQ(read("kdamonds/0/state"), "on");
  EXPECT_EQ(read("kdamonds/0/contexts/nr_contexts"), "");
}

TEST_F(DamonFolder, CountsARegionsAccessesInItsBlocks) {
  ASSERT_TRUE(damon_.open_at(root_.c_str(), field_).ok());
  region(0, "268435456", "272629760", "7");   // blocks 0 and 1
  region(1, "272629760", "281018368", "0");   // 2 to 5
  region(2, "281018368", "283115520", "20");  // 6
  std::uint32_t counts[16] = {};
  ASSERT_EQ(whole_window({field_.base, 0, 16}, counts), 0);
  EXPECT_EQ(counts[0], 7u);
  EXPECT_EQ(counts[1], 7u);
  EXPECT_EQ(counts[2], 0u);
  EXPECT_EQ(counts[6], 20u);
  EXPECT_EQ(counts[7], 0u);
  EXPECT_EQ(read("kdamonds/0/contexts/0/targets/0/regions/0/start"), "268435456");
  EXPECT_EQ(read("kdamonds/0/contexts/0/targets/0/regions/0/end"), "301989888");
  ASSERT_EQ(whole_window({field_.base, 0, 16}, counts), 0);
  EXPECT_EQ(counts[0], 14u) << "counts add up over windows";
}

TEST_F(DamonFolder, RegionsThatMakeNoSenseAreNotCounted) {
  ASSERT_TRUE(damon_.open_at(root_.c_str(), field_).ok());
  region(0, "0", "18446744073709551615", "5");
  region(1, "281018368", "272629760", "5");
  region(2, "x", "281018368", "5");
  std::uint32_t counts[16] = {};
  ASSERT_EQ(whole_window({field_.base, 0, 16}, counts), 0);
  for (const std::uint32_t count : counts) EXPECT_EQ(count, 0u);
}

TEST_F(DamonFolder, GivesTheMonitorBack) {
  ASSERT_TRUE(damon_.open_at(root_.c_str(), field_).ok());
  std::uint32_t counts[16] = {};
  whole_window({field_.base, 0, 16}, counts);
  damon_.close();
  EXPECT_EQ(read("kdamonds/0/state").substr(0, 3), "off");
  EXPECT_EQ(read("kdamonds/nr_kdamonds"), "0");
}

TEST_F(DamonFolder, AbandonedInAChildStaysTheParents) {
  ASSERT_TRUE(damon_.open_at(root_.c_str(), field_).ok());
  damon_.abandon_in_child();
  damon_.close();
  EXPECT_EQ(read("kdamonds/nr_kdamonds"), "1");
}

TEST(Damon, WithoutItsInterfaceSaysWhatIsMissing) {
  Damon damon;
  const Status opened = damon.open_at("/nonexistent/damon", {nullptr, 1});
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(std::string(opened.error().message).find("CONFIG_DAMON_SYSFS"), std::string::npos);
}

}  // namespace
}  // namespace terrace::sources::damon_test
