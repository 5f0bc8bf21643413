// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/own_discovery.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <terrace/tier.h>

namespace terrace::runtime::own_discovery_test {
namespace {

class OwnDiscovery : public testing::Test {
 protected:
  void SetUp() override {
    root_ =
        std::filesystem::path(testing::TempDir()) / ("own_discovery_" + std::to_string(::getpid()));
    std::filesystem::create_directories(nodes());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::filesystem::path nodes() const { return root_ / "devices/system/node"; }
  void put(const std::filesystem::path& path, const std::string& text) const {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << '\n';
  }
  void add_node(int node, std::uint64_t kib, int bandwidth) const {
    const auto folder = nodes() / ("node" + std::to_string(node));
    put(folder / "meminfo",
        "Node " + std::to_string(node) + " MemTotal:       " + std::to_string(kib) + " kB");
    if (bandwidth > 0) {
      put(folder / "access0/initiators/read_bandwidth", std::to_string(bandwidth));
    }
  }
  FlatView discover(const char* conf) const {
    FlatView view;
    const Status status = discover_own(conf, root_.c_str(), view);
    EXPECT_TRUE(status.ok()) << status.error().message;
    return view;
  }
  std::string error_of(const char* conf) const {
    FlatView view;
    const Status status = discover_own(conf, root_.c_str(), view);
    return status.ok() ? "" : status.error().message;
  }

  std::filesystem::path root_;
};

TEST_F(OwnDiscovery, OrdersHbmDramAndCxlByBandwidth) {
  put(nodes() / "has_memory", "0-1,3");
  put(nodes() / "has_cpu", "0");
  add_node(0, 8 << 20, 200000);
  add_node(1, 4 << 20, 800000);
  add_node(3, 16 << 20, 20000);
  const FlatView view = discover("policy:weighted");
  ASSERT_TRUE(view.valid());
  ASSERT_EQ(view.header->tier_count, 3u);
  EXPECT_STREQ(view.tiers[0].name, "hbm");
  EXPECT_STREQ(view.tiers[1].name, "dram");
  EXPECT_STREQ(view.tiers[2].name, "cxl");
  EXPECT_EQ(view.tiers[0].capacity_bytes, std::uint64_t{4} << 30);
  EXPECT_EQ(view.tiers[2].node_mask[0], 1u << 3);
  EXPECT_DOUBLE_EQ(view.tiers[2].weight, 20);
}

TEST_F(OwnDiscovery, NodesThatNothingDescribesComeLast) {
  put(nodes() / "has_memory", "0,2");
  put(nodes() / "has_cpu", "0");
  add_node(0, 8 << 20, 0);
  add_node(2, 8 << 20, 0);
  const FlatView view = discover("policy:interleave,threshold:4M,bind:strict");
  ASSERT_TRUE(view.valid());
  EXPECT_STREQ(view.tiers[0].name, "dram");
  EXPECT_STREQ(view.tiers[1].name, "other");
  EXPECT_EQ(view.tiers[1].kind, static_cast<std::uint8_t>(TierKind::kUnknown));
  EXPECT_EQ(view.header->threshold_bytes, MiB(4).value);
  EXPECT_EQ(view.header->bind_mode, 2u);
}

TEST_F(OwnDiscovery, OneTierOrNoPolicyIsNothingToPlace) {
  put(nodes() / "has_memory", "0-1");
  put(nodes() / "has_cpu", "0-1");
  add_node(0, 8 << 20, 0);
  add_node(1, 8 << 20, 0);
  EXPECT_FALSE(discover("policy:first-touch").valid());
  EXPECT_FALSE(discover("threshold:2M").valid());
  EXPECT_FALSE(discover("policy:none").valid());
  EXPECT_FALSE(discover("").valid());
}

TEST_F(OwnDiscovery, LiveStatusIsOnUnlessTurnedOff) {
  put(nodes() / "has_memory", "0-1");
  put(nodes() / "has_cpu", "0");
  add_node(0, 8 << 20, 0);
  add_node(1, 8 << 20, 0);
  EXPECT_FALSE(discover("policy:interleave").has(kFlagNoStatus));
  EXPECT_FALSE(discover("policy:interleave,live-status:true").has(kFlagNoStatus));
  EXPECT_TRUE(discover("policy:interleave,live-status:false").has(kFlagNoStatus));
}

TEST_F(OwnDiscovery, BadValuesAreNamed) {
  EXPECT_NE(error_of("live-status:maybe").find("live-status"), std::string::npos);
  EXPECT_NE(error_of("policy:fastest").find("policy: \"fastest\""), std::string::npos);
  EXPECT_NE(error_of("bind:hard").find("bind"), std::string::npos);
  EXPECT_NE(error_of("policy:weighted,threshold:many").find("threshold"), std::string::npos);
  EXPECT_NE(error_of("strict:perhaps").find("strict"), std::string::npos);
}

}  // namespace
}  // namespace terrace::runtime::own_discovery_test
