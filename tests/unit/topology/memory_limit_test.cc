// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/memory_limit.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::memory_limit_test {
namespace {

using ::testing::HasSubstr;

class MemoryLimitOf : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) / ("limit_" + std::to_string(::getpid()));
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  std::optional<MemoryLimit> limit() const {
    return tightest_memory_limit((root_ / "proc").string(), (root_ / "cgroup").string());
  }

  std::filesystem::path root_;
};

TEST_F(MemoryLimitOf, TheGroupItselfOrAnyAboveItCounts) {
  put("proc/self/cgroup", "0::/slice/job");
  put("cgroup/slice/job/memory.max", "max");
  put("cgroup/slice/memory.max", "4294967296");
  put("cgroup/memory.max", "8589934592");
  const auto found = limit();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, GiB(4));
  EXPECT_THAT(found->file, HasSubstr("cgroup/slice/memory.max"));
}

TEST_F(MemoryLimitOf, LeavesRoomForWhatIsInUseAndForSmallBlocks) {
  put("proc/self/cgroup", "0::/job");
  put("cgroup/job/memory.max", "1073741824");
  const auto found = limit();
  ASSERT_TRUE(found);
  EXPECT_EQ(left_for_objects(*found).bytes, MiB(1024 - 64 - 8)) << "nothing known of its use";
  put("cgroup/job/memory.stat", "anon 104857600\nfile 999999999");
  EXPECT_EQ(left_for_objects(*found).bytes, MiB(1024 - 64 - 8 - 100));
  put("cgroup/job/memory.stat", "cache 999999999\nrss 1073741824");
  EXPECT_EQ(left_for_objects(*found).bytes, Bytes(0));
}

TEST_F(MemoryLimitOf, NoLimitIsNone) {
  EXPECT_FALSE(limit());
  put("proc/self/cgroup", "0::/");
  EXPECT_FALSE(limit());
  put("cgroup/memory.max", "max");
  EXPECT_FALSE(limit());
}

TEST_F(MemoryLimitOf, VersionOneIsReadInItsOwnHierarchy) {
  put("proc/self/cgroup", "12:cpu,cpuacct:/a\n9:memory:/job\n1:name=systemd:/b\n0::/c");
  put("cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712");
  put("cgroup/memory/memory.limit_in_bytes", "1073741824");
  put("cgroup/unified/c/memory.max", "536870912");
  const auto found = limit();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, MiB(512));
}

TEST_F(MemoryLimitOf, AGroupOutsideTheMountCountsAsTheMount) {
  put("proc/self/cgroup", "0::/../../job");
  put("cgroup/memory.max", "1073741824");
  put("job/memory.max", "1");
  const auto found = limit();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bytes, GiB(1));
}

TEST_F(MemoryLimitOf, GarbageIsNoLimit) {
  put("proc/self/cgroup", "\n:::\n0:\n0::/job\n9:memory");
  put("cgroup/job/memory.max", "99999999999999999999999");
  put("cgroup/memory.max", "-5");
  EXPECT_FALSE(limit());
}

MachineFacts machine() {
  MachineFacts facts;
  for (int id = 0; id < 3; ++id) {
    NodeFacts node;
    node.id = NodeId(id);
    node.capacity = {GiB(8), Provenance::kSysfs};
    facts.nodes.push_back(node);
  }
  return facts;
}

Tier tier(const char* name, std::vector<NodeId> nodes) {
  Tier made;
  made.name = name;
  made.nodes = std::move(nodes);
  return made;
}

TEST(CutToLimit, FillsFasterTiersFirstAndSaysSo) {
  MachineFacts facts = machine();
  const std::vector<Tier> tiers = {tier("hbm", {NodeId(2)}), tier("dram", {NodeId(0), NodeId(1)})};
  cut_to_limit({GiB(10), "/sys/fs/cgroup/job/memory.max"}, tiers, facts);
  EXPECT_EQ(facts.nodes[2].capacity.value, GiB(8));
  EXPECT_EQ(facts.nodes[0].capacity.value, GiB(2));
  EXPECT_EQ(facts.nodes[1].capacity.value, Bytes(0));
  ASSERT_EQ(facts.notes.size(), 1u);
  EXPECT_THAT(facts.notes[0], HasSubstr("/sys/fs/cgroup/job/memory.max allows this process "
                                        "10.0 GiB of the machine's 24.0 GiB"));
}

TEST(CutToLimit, LeavesAMachineThatFitsAlone) {
  MachineFacts facts = machine();
  cut_to_limit({GiB(24), "memory.max"}, {tier("dram", {NodeId(0)})}, facts);
  EXPECT_EQ(facts.nodes[1].capacity.value, GiB(8));
  EXPECT_TRUE(facts.notes.empty());
}

}  // namespace
}  // namespace terrace::memory_limit_test
