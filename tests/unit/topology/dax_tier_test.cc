// SPDX-License-Identifier: Apache-2.0
// DAX tiers in the tier file: paths, what is behind them, use on request, and how errors read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <terrace/topology.h>

#include "allocators/topology/classify.h"
#include "allocators/topology/tier_overlay.h"

namespace terrace::dax_tier_test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A device of 2 GiB, a file of 1 GiB, one of 64 KiB, a folder with 3 GiB left.
Result<PathFacts> examine(const std::string& path) {
  if (path == "/dev/dax0.0") return PathFacts{PathKind::kDevice, GiB(2), MiB(2)};
  if (path == "/data/file") return PathFacts{PathKind::kFile, GiB(1), KiB(4)};
  if (path == "/data/small") return PathFacts{PathKind::kFile, KiB(64), KiB(4)};
  if (path == "/data/folder") return PathFacts{PathKind::kFolder, GiB(3), KiB(4)};
  return make_error(ErrorCode::kUsage, 0, "does not exist");
}

/// Node 0 with 16 GiB and a device that discovery found and leaves alone.
Result<std::vector<Tier>> tiers_with(const std::string& text) {
  MachineFacts facts;
  NodeFacts dram;
  dram.has_cpu = true;
  dram.capacity = {GiB(16), Provenance::kSysfs};
  facts.nodes = {dram};
  std::vector<Tier> found = tiers_from(facts);
  Tier pmem;
  pmem.name = "pmem";
  pmem.kind = TierKind::kPmem;
  pmem.backing = BackingKind::kDax;
  pmem.use = Use::kOnRequest;
  pmem.path = "/dev/dax0.0";
  pmem.capacity = {GiB(2), Provenance::kSysfs};
  pmem.read_bandwidth = {GBps(8), Provenance::kCdat};
  found.push_back(pmem);
  const auto file = parse_tier_file(text, "/etc/terrace/tiers.toml");
  if (!file) return file.error();
  return apply_tier_file(*file, std::move(found), facts, examine);
}

std::string error_of(const std::string& text) {
  const auto tiers = tiers_with(text);
  if (tiers.ok()) return "no error";
  EXPECT_EQ(tiers.error().code, ErrorCode::kUsage);
  return tiers.error().message;
}

Tier tier_of(const std::string& text, const std::string& name) {
  const auto tiers = tiers_with(text);
  EXPECT_TRUE(tiers.ok()) << tiers.error().message;
  if (tiers.ok())
    for (const Tier& tier : *tiers)
      if (tier.name == name) return tier;
  ADD_FAILURE() << "no tier " << name;
  return {};
}

const std::string kHead = "[[tier]]\nname = \"slow\"\nbacking = \"dax\"\n";

TEST(DaxTier, HasTheSizeOfItsDeviceOrFile) {
  const Tier device = tier_of(kHead + "path = \"/dev/dax0.0\"\n", "slow");
  EXPECT_EQ(device.backing, BackingKind::kDax);
  EXPECT_EQ(device.use, Use::kPlaced);
  EXPECT_EQ(device.path, "/dev/dax0.0");
  EXPECT_EQ(device.mapping_unit, MiB(2));
  EXPECT_EQ(device.capacity.value, GiB(2));
  EXPECT_EQ(device.capacity.from, Provenance::kSysfs);
  EXPECT_TRUE(device.nodes.empty());
  const Tier file = tier_of(kHead + "path = \"/data/file\"\ncapacity = \"512MiB\"\n", "slow");
  EXPECT_EQ(file.capacity.value, MiB(512));
  EXPECT_EQ(file.capacity.from, Provenance::kUserFile);
  EXPECT_EQ(file.mapping_unit, KiB(4));
}

TEST(DaxTier, ARelativePathStartsAtTheTierFile) {
  EXPECT_THAT(error_of(kHead + "path = \"pool/../blocks\"\n"),
              HasSubstr("/etc/terrace/blocks: does not exist"));
}

TEST(DaxTier, NamingADiscoveredOneMakesItPlacedAndKeepsItsFigures) {
  const Tier pmem = tier_of("[[tier]]\nname = \"pmem\"\n", "pmem");
  EXPECT_EQ(pmem.use, Use::kPlaced);
  EXPECT_EQ(pmem.read_bandwidth.from, Provenance::kCdat);
  EXPECT_EQ(tier_of("[[tier]]\nname = \"pmem\"\nuse = \"on-request\"\n", "pmem").use,
            Use::kOnRequest);
  EXPECT_EQ(tier_of(kHead + "path = \"/data/file\"\nuse = \"on-request\"\n", "slow").use,
            Use::kOnRequest);
  EXPECT_EQ(tier_of(kHead + "path = \"/data/file\"\n", "pmem").use, Use::kOnRequest)
      << "the file does not name it";
}

TEST(DaxTier, AnotherPathMakesOldFiguresVoid) {
  const Tier pmem = tier_of("[[tier]]\nname = \"pmem\"\npath = \"/data/file\"\n", "pmem");
  EXPECT_EQ(pmem.path, "/data/file");
  EXPECT_EQ(pmem.capacity.value, GiB(1));
  EXPECT_FALSE(pmem.read_bandwidth.known());
}

TEST(DaxTier, TakesItsPathFromTheDiscoveredOne) {
  const auto tiers = tiers_with(kHead + "path = \"/dev/dax0.0\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  for (const Tier& tier : *tiers) EXPECT_NE(tier.name, "pmem");
}

TEST(DaxTier, IsNoPartOfTheMachinesMemory) {
  const auto tiers = tiers_with(kHead + "path = \"/data/folder\"\ncapacity = \"3GiB\"\n");
  ASSERT_TRUE(tiers.ok()) << tiers.error().message;
  EXPECT_EQ(tiers->front().name, "dram");
  EXPECT_EQ(tiers->front().capacity.value, GiB(16));
}

TEST(DaxTierError, PathAndNodesFitTheBacking) {
  EXPECT_THAT(error_of(kHead), StartsWith("/etc/terrace/tiers.toml:1: dax tier \"slow\" has no "
                                          "\"path\"; add a device, file or folder"));
  EXPECT_THAT(error_of(kHead + "nodes = [0]\npath = \"/data/file\"\n"),
              AllOf(HasSubstr(":4: key \"nodes\""), EndsWith("leave \"nodes\" out")));
  EXPECT_THAT(error_of("[[tier]]\nname = \"pmem\"\nnodes = [0]\n"),
              HasSubstr("leave \"nodes\" out"));
  EXPECT_THAT(
      error_of("[[tier]]\nname = \"slow\"\nbacking = \"emulated\"\npath = \"/data/file\"\n"),
      AllOf(HasSubstr(":4: key \"path\""), HasSubstr("is backed by emulated")));
  EXPECT_THAT(error_of("[[tier]]\nname = \"dram\"\npath = \"/data/file\"\n"),
              HasSubstr("add backing = \"dax\""));
  EXPECT_THAT(error_of(kHead + "path = 5\n"), HasSubstr("as in \"/dev/dax0.0\""));
  EXPECT_THAT(error_of(kHead + "path = \"\"\n"), HasSubstr("as in \"/dev/dax0.0\""));
  EXPECT_THAT(error_of(kHead + "path = \"/data/file\"\nuse = \"always\"\n"),
              HasSubstr("known are placed on-request"));
}

TEST(DaxTierError, CapacityFitsThePath) {
  EXPECT_THAT(
      error_of(kHead + "path = \"/dev/dax0.0\"\ncapacity = \"3GiB\"\n"),
      AllOf(HasSubstr(":5: key \"capacity\""),
            HasSubstr("asks for 3.00 GiB of /dev/dax0.0, which has 2.00 GiB; ask for less")));
  EXPECT_THAT(error_of(kHead + "path = \"/data/folder\"\n"), HasSubstr("has no \"capacity\""));
  EXPECT_THAT(error_of(kHead + "path = \"/data/folder\"\ncapacity = \"4GiB\"\n"),
              HasSubstr("which has 3.00 GiB free"));
  EXPECT_THAT(error_of(kHead + "path = \"/data/small\"\n"),
              HasSubstr("has 64.0 KiB, fewer than one"));
}

TEST(DaxTierError, APathBelongsToOneTier) {
  EXPECT_THAT(error_of(kHead + "path = \"/data/file\"\n[[tier]]\nname = \"other\"\n"
                               "backing = \"dax\"\npath = \"/data/file\"\n"),
              AllOf(HasSubstr(":8: key \"path\": tier \"slow\" of line 1 has /data/file too")));
}

TEST(TopologyUse, UsableLeavesOutTiersOnRequest) {
  Topology topology;
  topology.machine_id = "machine";
  topology.tiers.resize(3);
  topology.tiers[0].name = "dram";
  topology.tiers[1].name = "pmem";
  topology.tiers[1].use = Use::kOnRequest;
  topology.tiers[2].name = "expander";
  const Topology usable = topology.usable();
  EXPECT_EQ(usable.machine_id, "machine");
  ASSERT_EQ(usable.tiers.size(), 2u);
  EXPECT_EQ(usable.find("pmem"), nullptr);
  EXPECT_NE(usable.find("expander"), nullptr);
}

class Paths : public testing::Test {
 protected:
  void SetUp() override {
    root = std::filesystem::path(testing::TempDir()) /
           ("paths-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "-" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(root);
  }
  void TearDown() override { std::filesystem::remove_all(root); }
  std::filesystem::path root;
};

TEST_F(Paths, FilesFoldersAndWhatIsNeither) {
  std::ofstream(root / "file") << std::string(5000, 'x');
  const auto file = examine_path((root / "file").string(), "/sys");
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->kind, PathKind::kFile);
  EXPECT_EQ(file->room, Bytes(5000));
  const auto folder = examine_path(root.string(), "/sys");
  ASSERT_TRUE(folder.ok()) << folder.error().message;
  EXPECT_EQ(folder->kind, PathKind::kFolder);
  EXPECT_GT(folder->room.value, 0u);
  const auto missing = examine_path((root / "none").string(), "/sys");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("truncate -s SIZE"));
  const auto device = examine_path("/dev/null", "/sys");
  ASSERT_FALSE(device.ok());
  EXPECT_THAT(device.error().message, HasSubstr("none on the dax bus"));
}

TEST_F(Paths, ADeviceIsWhatSysfsTells) {
  // A stand-in for the bus: the test cannot make a dax device, but may give /dev/null the name.
  const auto folder = root / "bus/dax/devices/null";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "size") << "268435456\n";
  const auto old_kernel = examine_path("/dev/null", root.string());
  ASSERT_TRUE(old_kernel.ok()) << old_kernel.error().message;
  EXPECT_EQ(old_kernel->kind, PathKind::kDevice);
  EXPECT_EQ(old_kernel->room, MiB(256));
  EXPECT_EQ(old_kernel->mapping_unit, MiB(2));
  std::ofstream(folder / "align") << "4096\n";
  EXPECT_EQ(examine_path("/dev/null", root.string())->mapping_unit, KiB(4));
}

}  // namespace
}  // namespace terrace::dax_tier_test
