// SPDX-License-Identifier: Apache-2.0
// What tells objects of one call-site apart: size, then the order in which they live; and which
// object of a plan they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "tests/temporary_folder.h"
#include "tiering/plan/flat_writer.h"
#include "tiering/runtime/lifecycle.h"
#include "tiering/runtime/placement.h"
#include "tiering/runtime/state.h"

namespace terrace::runtime::object_key_test {
namespace {

constexpr std::size_t kMiB = 1u << 20;
constexpr std::uint64_t kPlannedSite = 9;

class ObjectKeys : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const testing_support::TemporaryFolder folder;
    const std::string flat = folder.in("flat");
    Topology topology;
    topology.machine_id = "0123456789abcdef";
    topology.tiers = {tier("fast"), tier("slow")};
    plan::Plan plan;
    plan.machine_id = topology.machine_id;
    plan.tiers = topology.tiers;
    plan.objects = {
        planned(40, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
        planned(48, {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1})};
    ASSERT_TRUE(plan::write_flat(flat, topology, &plan, plan::RuntimeOptions{}));
    setenv("TERRACE_PLAN_FILE", flat.c_str(), 1);
    start();
  }
  static void TearDownTestSuite() { stop(); }

  static Tier tier(const char* name) {
    Tier made;
    made.name = name;
    made.kind = TierKind::kDram;
    made.nodes = {NodeId{0}};
    made.capacity = {GiB(1), Provenance::kUserFile};
    made.read_bandwidth = {GBps(10), Provenance::kUserFile};
    made.idle_latency = {Nanoseconds(100), Provenance::kUserFile};
    return made;
  }
  static plan::PlannedObject planned(std::uint64_t mib, std::vector<std::uint8_t> block_tiers) {
    plan::PlannedObject made;
    made.key = {kPlannedSite, mib * kMiB, 0, Origin::kHeap};
    made.label = "buffer";
    const double slow = std::accumulate(block_tiers.begin(), block_tiers.end(), 0.0) /
                        static_cast<double>(block_tiers.size());
    made.shares = {1 - slow, slow};
    made.block_tiers = std::move(block_tiers);
    return made;
  }

  static void* make(std::uint64_t site, std::size_t size) {
    CallSite here;
    here.hash = site;
    void* const made = allocate_object(size, 1, Origin::kHeap, here, Content::kAny);
    EXPECT_NE(made, nullptr);
    return made;
  }

  static std::vector<std::uint8_t> tiers_of(const void* object) {
    const LockGuard guard(state().lock);
    const extent::Object& found = *state().arena.find(object);
    const std::uint8_t* const tiers = state().arena.tiers_of(found);
    return {tiers, tiers + found.block_count};
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

using Tiers = std::vector<std::uint8_t>;

TEST_F(ObjectKeys, PlannedSizeFollowsItsMap) {
  void* const object = make(kPlannedSite, 40 * kMiB);
  Tiers map(20, 0);
  std::fill(map.begin(), map.begin() + 10, 1);
  EXPECT_EQ(tiers_of(object), map);
  EXPECT_TRUE(free_object(object));
}

TEST_F(ObjectKeys, NearSizeFollowsTheNearestMapDrawnOutOrTogether) {
  const std::uint64_t alike = state().counters.planned_alike.load();
  void* const shorter = make(kPlannedSite, 36 * kMiB);
  Tiers map(18, 0);
  std::fill(map.begin(), map.begin() + 9, 1);
  EXPECT_EQ(tiers_of(shorter), map);
  void* const longer = make(kPlannedSite, 43 * kMiB);
  map.assign(22, 0);
  std::fill(map.begin(), map.begin() + 11, 1);
  EXPECT_EQ(tiers_of(longer), map);
  EXPECT_EQ(state().counters.planned_alike.load(), alike + 2);
  for (void* object : {shorter, longer}) EXPECT_TRUE(free_object(object));
}

TEST_F(ObjectKeys, FarSizeAnotherSiteOrAnotherOrdinalIsNotOfThePlan) {
  const std::uint64_t planned = state().counters.planned.load();
  void* const named = make(kPlannedSite, 40 * kMiB);
  void* const others[] = {make(kPlannedSite, 30 * kMiB), make(kPlannedSite, 80 * kMiB),
                          make(kPlannedSite + 1, 40 * kMiB), make(kPlannedSite, 40 * kMiB)};
  EXPECT_EQ(state().counters.planned.load(), planned + 1);
  EXPECT_TRUE(free_object(named));
  for (void* object : others) EXPECT_TRUE(free_object(object));
}

}  // namespace
}  // namespace terrace::runtime::object_key_test
