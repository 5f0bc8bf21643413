// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <memory_resource>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <terrace/terrace.hpp>

namespace terrace {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class CxxApi : public testing::Test {
 protected:
  CxxApi() {
    std::ofstream(file_) << "only = true\n"
                            "[[tier]]\nname = \"near\"\nkind = \"dram\"\nnodes = [0]\n"
                            "capacity = \"64MiB\"\nbandwidth = \"20GB/s\"\n"
                            "[[tier]]\nname = \"far\"\nkind = \"file\"\nbacking = \"dax\"\n"
                            "path = \"/dev/shm\"\ncapacity = \"64MiB\"\nbandwidth = \"2GB/s\"\n";
  }
  ~CxxApi() override { unlink(file_.c_str()); }
  Machine open() {
    terrace_options options{};
    options.tiers_file = file_.c_str();
    options.class_tier[TERRACE_KV] = "far";
    return Machine(options);
  }

 private:
  const std::string file_ =
      testing::TempDir() + "/terrace-cxx-" + std::to_string(getpid()) + ".toml";
};

TEST_F(CxxApi, TensorIsSeenAsASpanAndEndsWithItsObject) {
  Machine machine = open();
  {
    const TensorMemory weights = machine.allocate({.bytes = 4 * kMiB, .name = "w", .tier = "near"});
    const std::span<float> values = weights.as<float>();
    ASSERT_EQ(values.size(), kMiB);
    values[kMiB - 1] = 3;
    EXPECT_EQ(weights.bytes().size(), 4 * kMiB);
    EXPECT_EQ(machine.tier("near").used_bytes, 4 * kMiB);
  }
  EXPECT_EQ(machine.tier("near").used_bytes, 0);
}

TEST_F(CxxApi, ClassesHaveTheirTier) {
  Machine machine = open();
  const TensorMemory keys = machine.allocate({.bytes = 2 * kMiB, .kind = TERRACE_KV});
  EXPECT_EQ(keys.info().tier_bytes[1], 2 * kMiB);
  const TensorMemory scratch = machine.allocate({.bytes = 2 * kMiB, .kind = TERRACE_SCRATCH});
  EXPECT_EQ(scratch.info().tier_bytes[0], 2 * kMiB);
}

TEST_F(CxxApi, MovedFromObjectsHoldNothing) {
  Machine machine = open();
  TensorMemory first = machine.allocate({.bytes = 2 * kMiB});
  TensorMemory second = std::move(first);
  first = TensorMemory();
  EXPECT_EQ(second.info().bytes, 2 * kMiB);
  second.resize(6 * kMiB);
  EXPECT_EQ(second.as<char>().size(), 6 * kMiB);
  Machine other = std::move(machine);
  EXPECT_EQ(other.tier_count(), 2);
}

TEST_F(CxxApi, ErrorsAreThrownWithStatusAndText) {
  Machine machine = open();
  try {
    machine.allocate({.bytes = 2 * kMiB, .tier = "nowhere"});
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), TERRACE_BAD_ARGUMENT);
    EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos);
  }
}

TEST_F(CxxApi, PinHoldsUntilItsEnd) {
  Machine machine = open();
  TensorMemory tensor = machine.allocate({.bytes = 2 * kMiB, .tier = "near"});
  {
    const Pinned pin = tensor.pin();
    EXPECT_THROW((void)tensor.prefetch(), ApiError);
  }
  const Move move = tensor.prefetch();
  move.wait();
  EXPECT_TRUE(move.ended());
  EXPECT_TRUE(move.wait_for(std::chrono::seconds(0)));
}

TEST_F(CxxApi, ContainersLieInTheTierOfTheirPool) {
  Machine machine = open();
  PoolResource pool(machine, {.tier = "far"});
  const std::uint64_t before = machine.tier("far").used_bytes;
  {
    std::pmr::map<int, std::pmr::string> names(&pool);
    for (int i = 0; i < 20000; ++i) {
      names.emplace(i, "a name that is longer than what a string holds in itself");
    }
    EXPECT_EQ(names.at(19999).size(), 56);
    EXPECT_GT(machine.tier("far").used_bytes, before);
    EXPECT_EQ(machine.tier("near").used_bytes, 0);
  }
  EXPECT_THROW((void)pool.allocate(std::size_t{1} << 40), std::bad_alloc);
}

}  // namespace
}  // namespace terrace
