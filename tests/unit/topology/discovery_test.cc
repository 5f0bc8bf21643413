// SPDX-License-Identifier: Apache-2.0
// Discovery over captured sysfs trees, and over the machine that runs the test.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <terrace/topology.h>

#include "allocators/topology/text_file.h"
#include "tests/unit/topology/describe.h"

namespace terrace::discovery_test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const std::string kTrees = TERRACE_TEST_TREES;

Result<Topology> discover(const std::string& tree) {
  DiscoveryOptions options;
  options.sysfs_root = kTrees + "/" + tree + "/sys";
  return discover_topology(options);
}

class CapturedTree : public ::testing::TestWithParam<const char*> {};

TEST_P(CapturedTree, ReadsAsTheExpectedText) {
  const std::string tree = GetParam();
  const auto expected = read_small_file(kTrees + "/" + tree + "/expected.txt");
  ASSERT_TRUE(expected) << tree << "/expected.txt is missing";
  const auto topology = discover(tree);
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  EXPECT_EQ(describe(*topology, kTrees + "/" + tree), *expected);
}

INSTANTIATE_TEST_SUITE_P(Trees, CapturedTree,
                         ::testing::Values("one_node", "two_sockets", "dram_cxl", "hbm_dram_cxl",
                                           "cxl_by_memory_tier", "holes", "many_nodes",
                                           "late_memory", "no_numa", "unknown_nodes", "cxl_kmem",
                                           "cxl_devdax", "pmem", "two_sockets_hbm", "accelerator",
                                           "reserved", "bad/no_meminfo", "bad/garbage_figures",
                                           "bad/garbage_dax"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& letter : name)
                             if (letter == '/') letter = '_';
                           return name;
                         });

TEST(BrokenTree, MissingTreeIsAnErrorThatNamesThePath) {
  const auto topology = discover("does_not_exist");
  ASSERT_FALSE(topology.ok());
  EXPECT_EQ(topology.error().code, ErrorCode::kIo);
  EXPECT_THAT(topology.error().message, HasSubstr("devices/system/node: cannot be read"));
}

TEST(BrokenTree, MissingNodeListIsAnError) {
  const auto topology = discover("bad/no_node_list");
  ASSERT_FALSE(topology.ok());
  EXPECT_THAT(topology.error().message, HasSubstr("has_memory: cannot be read"));
}

TEST(BrokenTree, GarbageInTheNodeListIsAnErrorThatQuotesIt) {
  const auto topology = discover("bad/garbage_node_list");
  ASSERT_FALSE(topology.ok());
  EXPECT_THAT(topology.error().message, HasSubstr("\"0-x\""));
}

TEST(BrokenTree, AnEndlessNodeRangeIsAnError) {
  const auto topology = discover("bad/huge_node_list");
  ASSERT_FALSE(topology.ok());
  EXPECT_THAT(topology.error().message, HasSubstr("1023"));
}

TEST(BrokenTree, NoReadableMemorySizeIsAnError) {
  const auto topology = discover("bad/no_memory_at_all");
  ASSERT_FALSE(topology.ok());
  EXPECT_THAT(topology.error().message, HasSubstr("no node has memory whose size can be read"));
}

TEST(LiveMachine, HasATierWithMemoryAndAStableName) {
  const auto first = discover_topology({});
  ASSERT_TRUE(first.ok()) << first.error().message;
  ASSERT_FALSE(first->tiers.empty());
  for (const Tier& tier : first->tiers) {
    EXPECT_NE(tier.nodes.empty(), tier.path.empty()) << tier.name;
    EXPECT_TRUE(tier.capacity.known()) << tier.name;
    EXPECT_EQ(first->find(tier.name), &tier);
  }
  EXPECT_FALSE(first->cpu_model.empty());
  EXPECT_GT(first->hardware_threads, 0);
  EXPECT_FALSE(first->emulated());
  EXPECT_EQ(first->find("no such tier"), nullptr);
  EXPECT_THAT(first->machine_id, MatchesRegex("[0-9a-f]{16}"));

  const auto second = discover_topology({});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->machine_id, first->machine_id);
}

TEST(MachineId, IgnoresTheTierFile) {
  DiscoveryOptions options;
  options.sysfs_root = kTrees + "/dram_cxl/sys";
  options.tiers_file = kTrees + "/../tier_files/slow_link.toml";
  const auto with_file = discover_topology(options);
  ASSERT_TRUE(with_file.ok()) << with_file.error().message;
  EXPECT_TRUE(with_file->emulated());
  EXPECT_EQ(with_file->machine_id, discover("dram_cxl")->machine_id);
}

TEST(ManyDevices, TheSlowestBeyondSixteenTiersAreLeftOut) {
  namespace fs = std::filesystem;
  const fs::path tree =
      fs::path(testing::TempDir()) / ("many_devices_" + std::to_string(::getpid()));
  fs::create_directories(tree / "proc");
  fs::copy(kTrees + "/one_node/sys", tree / "sys", fs::copy_options::recursive);
  fs::create_directories(tree / "sys/bus/dax/devices");
  for (int number = 0; number < 20; ++number) {
    const std::string name = "dax" + std::to_string(number) + ".0";
    const fs::path device = tree / "sys/devices/platform/hmem" / name;
    fs::create_directories(device);
    std::ofstream(device / "size") << GiB(4).value << '\n';
    std::ofstream(device / "align") << MiB(2).value << '\n';
    fs::create_symlink("../../bus/dax/drivers/device_dax", device / "driver");
    fs::create_symlink(device, tree / "sys/bus/dax/devices" / name);
  }
  DiscoveryOptions options;
  options.sysfs_root = (tree / "sys").string();
  const auto topology = discover_topology(options);
  fs::remove_all(tree);
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  ASSERT_EQ(topology->tiers.size(), 16u);
  EXPECT_EQ(topology->tiers.front().name, "dram");
  EXPECT_EQ(topology->tiers.back().name, "dax14.0");
  EXPECT_THAT(topology->unknowns, ::testing::Contains(HasSubstr("tier dax15.0: is one more")));
}

TEST(MachineId, TellsMachinesApart) {
  EXPECT_NE(discover("one_node")->machine_id, discover("two_sockets")->machine_id);
}

}  // namespace
}  // namespace terrace::discovery_test
