// SPDX-License-Identifier: Apache-2.0
// The preload library's own view of the nodes against discovery's, on every captured tree.
#include "tiering/runtime/own_nodes.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "allocators/os/files.h"
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

TEST(FolderNames, AreAllVisitedAlsoWhenTheyFillSeveralBuffers) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / ("names_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  for (int file = 0; file < 400; ++file) std::ofstream(folder / ("name" + std::to_string(file)));
  int seen = 0;
  const bool read = os::for_each_name(
      folder.c_str(), [](const char*, void* count) { ++*static_cast<int*>(count); }, &seen);
  fs::remove_all(folder);
  EXPECT_TRUE(read);
  EXPECT_EQ(seen, 400);
  EXPECT_FALSE(os::for_each_name(
      folder.c_str(), [](const char*, void*) {}, nullptr));
}

TEST(Links, ThatDoNotFitAreNone) {
  namespace fs = std::filesystem;
  const fs::path link = fs::path(testing::TempDir()) / ("link_" + std::to_string(::getpid()));
  fs::create_symlink("12345678", link);
  char room[9];
  char tight[8];
  EXPECT_TRUE(os::read_link(link.c_str(), room, sizeof room));
  EXPECT_STREQ(room, "12345678");
  EXPECT_FALSE(os::read_link(link.c_str(), tight, sizeof tight));
  fs::remove(link);
  EXPECT_FALSE(os::read_link(link.c_str(), room, sizeof room));
}

}  // namespace
}  // namespace terrace::runtime
