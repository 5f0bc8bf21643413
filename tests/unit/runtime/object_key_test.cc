// SPDX-License-Identifier: Apache-2.0
// What tells objects of one call-site apart: exact size, then the order in which they live.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tiering/plan/flat_writer.h"
#include "tiering/runtime/lifecycle.h"
#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime {
namespace {

constexpr std::size_t kMiB = 1u << 20;

class ObjectKeys : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    char folder[] = "/tmp/terrace-keys-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    const std::string flat = std::string(folder) + "/flat";
    Tier tier;
    tier.name = "dram";
    tier.kind = TierKind::kDram;
    tier.nodes = {NodeId{0}};
    tier.capacity = {GiB(1), Provenance::kUserFile};
    tier.read_bandwidth = {GBps(10), Provenance::kUserFile};
    tier.idle_latency = {Nanoseconds(100), Provenance::kUserFile};
    Topology topology;
    topology.machine_id = "0123456789abcdef";
    topology.tiers = {tier};
    ASSERT_TRUE(plan::write_flat(flat, topology, nullptr, plan::RuntimeOptions{}));
    setenv("TERRACE_PLAN_FILE", flat.c_str(), 1);
    start();
    std::filesystem::remove_all(folder);
  }
  static void TearDownTestSuite() { stop(); }

  static void* make(std::uint64_t site, std::size_t size) {
    CallSite here;
    here.hash = site;
    void* const made = allocate_object(size, 1, Origin::kHeap, here, Content::kAny);
    EXPECT_NE(made, nullptr);
    return made;
  }

  static ObjectKey key_of(const void* object) {
    const LockGuard guard(state().lock);
    return state().arena.find(object)->key;
  }
};

TEST_F(ObjectKeys, EqualsCountUpInTheirOrder) {
  void* objects[5];
  for (void*& object : objects) object = make(1, 3 * kMiB);
  for (std::uint32_t i = 0; i < 5; ++i) {
    EXPECT_EQ(key_of(objects[i]), (ObjectKey{1, 3 * kMiB, i, Origin::kHeap}));
  }
  for (void* object : objects) EXPECT_TRUE(free_object(object));
}

TEST_F(ObjectKeys, OneAllocatedAnewTakesItsOldNumber) {
  void* const first = make(2, 3 * kMiB);
  void* const second = make(2, 3 * kMiB);
  void* const third = make(2, 3 * kMiB);
  EXPECT_TRUE(free_object(second));
  void* const again = make(2, 3 * kMiB);
  EXPECT_EQ(key_of(again).ordinal, 1u);
  EXPECT_EQ(key_of(third).ordinal, 2u);
  for (void* object : {first, again, third}) EXPECT_TRUE(free_object(object));
}

TEST_F(ObjectKeys, AnotherSizeOrSiteStartsItsOwnOrder) {
  void* const objects[] = {make(3, 3 * kMiB), make(3, 3 * kMiB + 1), make(4, 3 * kMiB)};
  for (void* object : objects) EXPECT_EQ(key_of(object).ordinal, 0u);
  EXPECT_FALSE(key_of(objects[0]) == key_of(objects[1]));
  EXPECT_FALSE(key_of(objects[0]) == key_of(objects[2]));
  for (void* object : objects) EXPECT_TRUE(free_object(object));
}

}  // namespace
}  // namespace terrace::runtime
