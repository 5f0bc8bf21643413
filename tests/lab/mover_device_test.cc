// SPDX-License-Identifier: Apache-2.0
// The mover and devices, in the lab machines that have them: CXL memory that is drained and taken
// out under a running program, and a move to a DAX device and back. An emulated CXL device takes
// seconds a megabyte, so ranges are as small as they can be.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "allocators/os/mapping_facts.h"
#include "tests/lab/nodes.h"
#include "tests/unit/migrate/counting_writers.h"
#include "tiering/migrate/mover.h"

namespace terrace::migrate {
namespace {

using lab::kBlock;
using lab::kPage;
using lab::Memory;
using lab::Pages;
using lab::places;

constexpr const char kKmem[] = "/sys/bus/dax/drivers/kmem/dax0.0";
constexpr const char kDevice[] = "/dev/dax0.0";

/// The device file is there under another driver as well.
bool has_device() {
  return access("/sys/bus/dax/drivers/device_dax/dax0.0", F_OK) == 0 &&
         access(kDevice, R_OK | W_OK) == 0;
}
/// Does the kernel show the device at this address?
bool is_device_at(const char* at) {
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  EXPECT_TRUE(reader);
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  while (const auto mapping = reader->next()) {
    if (mapping->begin <= address && address < mapping->end) {
      return std::string(mapping->path) == kDevice;
    }
  }
  return false;
}

Tier node_tier(int node) {
  Tier tier;
  tier.name = "dram";
  tier.kind = TierKind::kDram;
  tier.nodes = {NodeId{node}};
  return tier;
}

/// What `ndctl` or an operator does before a CXL expander is taken out: the program goes on.
TEST(MoverDevice, ADrainedCxlNodeCanBeTakenOut) {
  if (access(kKmem, F_OK) != 0) GTEST_SKIP() << "needs CXL memory as a node (kmem)";
  const std::vector<int> nodes = lab::memory_nodes();
  const int cxl = std::stoi(lab::read_text(std::string(kKmem) + "/target_node"));
  const Tier dram = node_tier(nodes[0]);
  auto made = Mover::create({});
  ASSERT_TRUE(made);
  Memory memory(kBlock, cxl, Pages::kSmall);
  ASSERT_EQ(places(memory.data(), memory.size())[cxl], 512u);
  CountingWriters writers(memory.data(), memory.size());
  const MoveReport report = (*made)->move({memory.data(), Bytes(memory.size()), &dram, 0});
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.count(Outcome::kMoved), 512u);
  const std::string folder = "/sys/devices/system/node/node" + std::to_string(cxl);
  const std::string offline = "for state in " + folder +
                              "/memory[0-9]*/state; do "
                              "echo offline >$state || exit 1; done";
  EXPECT_EQ(std::system(offline.c_str()), 0);
  EXPECT_TRUE(lab::write_text("/sys/bus/dax/drivers/kmem/unbind", "dax0.0"));
  EXPECT_THAT(lab::memory_nodes(), testing::Not(testing::Contains(cxl)));
  EXPECT_TRUE(writers.stop_and_check());
  // Later tests on this machine want the node; the kernel brings the memory online by itself.
  EXPECT_TRUE(lab::write_text("/sys/bus/dax/drivers/kmem/bind", "dax0.0"));
  EXPECT_THAT(lab::memory_nodes(), testing::Contains(cxl));
}

/// Every word tells where it is.
void fill(char* at, std::size_t size) {
  for (std::size_t i = 0; i < size / 8; ++i) reinterpret_cast<std::uint64_t*>(at)[i] = i * 3 + 1;
}
::testing::AssertionResult holds(const char* at, std::size_t size) {
  for (std::size_t i = 0; i < size / 8; ++i) {
    if (reinterpret_cast<const std::uint64_t*>(at)[i] != i * 3 + 1) {
      return ::testing::AssertionFailure() << "word " << i;
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(MoverDevice, MovesToADaxDeviceAndBack) {
  if (!has_device()) GTEST_SKIP() << "needs /dev/dax0.0";
  const Tier dram = node_tier(lab::memory_nodes()[0]);
  Tier dax;
  dax.name = "cxl";
  dax.kind = TierKind::kCxl;
  dax.backing = BackingKind::kDax;
  dax.path = kDevice;
  auto made = Mover::create({});
  ASSERT_TRUE(made);
  Memory memory(kBlock, raw(dram.nodes[0]), Pages::kSmall);
  fill(memory.data(), memory.size());
  const auto all = memory.size() / kPage;
  for (int round = 0; round < 2; ++round) {
    const MoveReport there = (*made)->move({memory.data(), Bytes(memory.size()), &dax, 0});
    EXPECT_EQ(there.refused, "");
    EXPECT_EQ(there.count(Outcome::kMoved), all) << "errno " << there.other_errno;
    EXPECT_TRUE(is_device_at(memory.data()));
    EXPECT_TRUE(holds(memory.data(), memory.size()));
    const MoveReport back = (*made)->move({memory.data(), Bytes(memory.size()), &dram, 0});
    EXPECT_EQ(back.refused, "");
    EXPECT_EQ(back.count(Outcome::kMoved), all) << "errno " << back.other_errno;
    EXPECT_EQ(places(memory.data(), memory.size())[raw(dram.nodes[0])], all);
    EXPECT_FALSE(is_device_at(memory.data()));
    EXPECT_TRUE(holds(memory.data(), memory.size()));
  }
}

/// What another part of the program mapped is moved as well, without our knowing its blocks.
TEST(MoverDevice, MovesSomebodyElsesDeviceMapping) {
  if (!has_device()) GTEST_SKIP() << "needs /dev/dax0.0";
  const Tier dram = node_tier(lab::memory_nodes()[0]);
  const int fd = open(kDevice, O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  char* at =
      static_cast<char*>(mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * kBlock));
  ASSERT_NE(at, MAP_FAILED);
  close(fd);
  fill(at, kBlock);
  auto made = Mover::create({});
  ASSERT_TRUE(made);
  const MoveReport report = (*made)->move({at, Bytes(kBlock), &dram, 0});
  EXPECT_EQ(report.refused, "");
  EXPECT_EQ(report.count(Outcome::kMoved), 512u);
  EXPECT_TRUE(holds(at, kBlock));
  munmap(at, kBlock);
}

TEST(MoverDevice, MovesToAFileOnFsdaxAndBack) {
  if (access("/mnt/pmem", W_OK) != 0) GTEST_SKIP() << "needs a DAX filesystem on /mnt/pmem";
  const Tier dram = node_tier(lab::memory_nodes()[0]);
  Tier pmem;
  pmem.name = "pmem";
  pmem.kind = TierKind::kPmem;
  pmem.backing = BackingKind::kDax;
  pmem.path = "/mnt/pmem";
  pmem.capacity = {MiB(32), Provenance::kUserFile};
  auto made = Mover::create({});
  ASSERT_TRUE(made);
  Memory memory(4 * kBlock, raw(dram.nodes[0]), Pages::kSmall);
  CountingWriters writers(memory.data(), memory.size());
  for (int round = 0; round < 2; ++round) {
    const MoveReport there = (*made)->move({memory.data(), Bytes(memory.size()), &pmem, 0});
    EXPECT_EQ(there.refused, "");
    EXPECT_EQ(there.count(Outcome::kMoved) + there.count(Outcome::kBusy), 4u * 512);
    const MoveReport back = (*made)->move({memory.data(), Bytes(memory.size()), &dram, 0});
    EXPECT_EQ(back.refused, "");
    EXPECT_TRUE(back.complete()) << "errno " << back.other_errno;
  }
  EXPECT_TRUE(writers.stop_and_check());
}

}  // namespace
}  // namespace terrace::migrate
