// SPDX-License-Identifier: Apache-2.0
// The preload library's own view of the nodes against discovery's, on every captured tree.
#include "tiering/runtime/own_nodes.h"

#include <gtest/gtest.h>

#include "tests/unit/runtime/same_nodes.h"

namespace terrace::runtime {
namespace {

class OwnNodes : public testing::TestWithParam<const char*> {};

TEST_P(OwnNodes, AreOfTheKindsThatDiscoveryFinds) {
  expect_same_nodes(std::string(TERRACE_TEST_TREES) + "/" + GetParam() + "/sys");
}

// Left out: no_numa has no node to compare, no_meminfo a node that discovery drops as well.
INSTANTIATE_TEST_SUITE_P(Trees, OwnNodes,
                         testing::Values("one_node", "two_sockets", "dram_cxl", "hbm_dram_cxl",
                                         "cxl_by_memory_tier", "holes", "many_nodes", "late_memory",
                                         "unknown_nodes", "cxl_kmem", "cxl_devdax", "pmem",
                                         "two_sockets_hbm", "accelerator", "reserved",
                                         "bad/garbage_figures", "bad/garbage_dax"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           for (char& letter : name)
                             if (letter == '/') letter = '_';
                           return name;
                         });

TEST(OwnNodesWithoutSysfs, AreNone) {
  const OwnNode* const nodes = read_own_nodes("/nonexistent");
  for (int node = 0; node < 1024; ++node) EXPECT_EQ(nodes[node].bytes, 0u);
}

}  // namespace
}  // namespace terrace::runtime
