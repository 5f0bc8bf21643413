// SPDX-License-Identifier: Apache-2.0
// What terrace topo prints of captured machines.
#include "tiering/cli/topology_text.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tiering/cli/json_document.h"

namespace terrace::cli::topology_text_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Topology machine(const std::string& tree) {
  DiscoveryOptions options;
  options.sysfs_root = TERRACE_TEST_TREES "/" + tree + "/sys";
  auto topology = discover_topology(options);
  EXPECT_TRUE(topology.ok()) << topology.error().message;
  return topology.ok() ? std::move(*topology) : Topology();
}

/// The text from the line that begins with `from` to the next blank line.
std::string section(const std::string& text, const std::string& from) {
  const std::size_t at = text.find("\n" + from);
  if (at == std::string::npos) return "";
  return text.substr(at + 1, text.find("\n\n", at) - at);
}

TEST(TopologyText, FitsAHundredColumns) {
  for (const char* tree : {"two_sockets_hbm", "pmem", "cxl_devdax", "cxl_kmem", "reserved",
                           "unknown_nodes", "many_nodes"}) {
    std::istringstream lines(topology_text(machine(tree)));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), 100u) << tree << ": " << line;
  }
}

TEST(TopologyText, ShowsTiersFastestFirstWithTheSourceOfEachFigure) {
  EXPECT_EQ(section(topology_text(machine("two_sockets_hbm")), "tier "),
            "tier  kind  memory of  capacity           read, all            latency\n"
            "hbm   hbm   nodes 4-5  128.0 GiB (sysfs)  1280.00 GB/s (hmat)  130 ns (hmat)\n"
            "dram  dram  nodes 0-1  504.0 GiB (sysfs)  460.00 GB/s (hmat)   110 ns (hmat)\n"
            "cxl   cxl   node 8     256.0 GiB (sysfs)  60.00 GB/s (hmat)    260 ns (hmat)\n");
}

TEST(TopologyText, ShowsMemoryTiersWeightsAndDevicesOfNodes) {
  EXPECT_EQ(
      section(topology_text(machine("cxl_kmem")), "node "),
      "node  tier  CPUs  memory     memory tier  weight  device  read, nearest CPUs  latency\n"
      "0     dram  yes   64.0 GiB   4            5       -       180.00 GB/s (hmat)  95 ns "
      "(hmat)\n"
      "2     cxl   no    128.0 GiB  22           1       dax0.0  32.00 GB/s (cdat)   270 ns "
      "(cdat)\n");
}

TEST(TopologyText, ShowsWhatIsNearestToEachSocket) {
  const std::string text = topology_text(machine("two_sockets_hbm"));
  EXPECT_EQ(section(text, "Nearest"),
            "Nearest node of each kind, at its SLIT distance:\n"
            "CPUs of node 0: hbm 4 at 13, dram 0 at 10, cxl 8 at 24\n"
            "CPUs of node 1: hbm 5 at 13, dram 1 at 10, cxl 8 at 14\n"
            "CPUs of node 2: hbm 5 at 14, dram 1 at 12, cxl 8 at 16\n");
}

TEST(TopologyText, SaysHowToUseMemoryThatMayHoldData) {
  const std::string text = topology_text(machine("pmem"));
  EXPECT_THAT(text, HasSubstr("- pmem2: /dev/dax0.0\n    [[tier]]\n    name = \"pmem2\"\n"));
  EXPECT_THAT(text, HasSubstr("- pmem4: files without a name in /mnt/weights\n    [[tier]]\n"
                              "    name = \"pmem4\"\n    capacity = \"1GiB\""));
  EXPECT_THAT(topology_text(machine("cxl_kmem")), Not(HasSubstr("On request")));
}

TEST(TopologyText, ShowsMappedDevicesWithTheirUnit) {
  EXPECT_EQ(section(topology_text(machine("cxl_devdax")), "Mapped"),
            "Mapped as devices or files, outside the kernel's nodes:\n"
            "- cxl: /dev/dax0.0, in units of 2.00 MiB\n"
            "- cxl2: /dev/dax3.0, in units of 2.00 MiB\n");
}

TEST(TopologyJson, CarriesNodesAndWhatIsNearestToEachSocket) {
  const Topology topology = machine("two_sockets_hbm");
  const auto hbm = node_to_json(topology.nodes[2]);
  EXPECT_EQ(hbm["id"], 4);
  EXPECT_EQ(hbm["tier"], "hbm");
  EXPECT_EQ(hbm["has_cpu"], false);
  EXPECT_EQ(hbm["memory_tier"], 2);
  EXPECT_EQ(hbm["weighted_interleave"], 11);
  EXPECT_EQ(hbm["read_latency_ns"]["provenance"], "hmat");
  const auto second = cpu_node_to_json(topology.cpu_nodes[1]);
  EXPECT_EQ(second["id"], 1);
  EXPECT_EQ(second["nearest"][0]["kind"], "hbm");
  EXPECT_EQ(second["nearest"][0]["node"], 5);
  EXPECT_EQ(second["nearest"][0]["distance"], 13);
  EXPECT_EQ(second["nearest"][0]["read_bandwidth_gbps"]["value"], 640);
  EXPECT_TRUE(cpu_node_to_json(topology.cpu_nodes[2])["nearest"][0]["read_bandwidth_gbps"]["value"]
                  .is_null());
}

TEST(TopologyJson, CarriesTheDeviceBehindANode) {
  const auto node = node_to_json(machine("cxl_kmem").nodes[1]);
  EXPECT_EQ(node["devices"], nlohmann::ordered_json::array({"dax0.0"}));
  EXPECT_EQ(node["read_bandwidth_gbps"]["provenance"], "cdat");
}

}  // namespace
}  // namespace terrace::cli::topology_text_test
