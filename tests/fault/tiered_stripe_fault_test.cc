// SPDX-License-Identifier: Apache-2.0
// Stripes that the kernel is asked to give in one policy, and does not: an old kernel, a container,
// a cpuset that lacks a node. Two tiers are on nodes 0 and 1; where the machine has node 0 only,
// the kernel narrows every policy to it without an error.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "allocators/extent/tiered_extent.h"
#include "allocators/os/fault_point.h"

namespace terrace::extent::tiered_stripe_fault_test {
namespace {

using os::inject_fault;
using os::RangePolicy;
using os::SystemCall;

constexpr std::uint32_t kBlocks = 64;

constinit Arena arena;
constinit backing::LinkEngine links;

bool has_node(int node) {
  return std::ifstream("/sys/devices/system/node/node" + std::to_string(node) + "/meminfo").good();
}

class TieredStripe : public testing::Test {
 protected:
  void SetUp() override {
    if (!arena.is_open()) {
      ASSERT_TRUE(arena.open().ok());
    }
    start(BindMode::kAdvisory, Observation::kNone);
  }
  void TearDown() override {
    inject_fault(SystemCall::kMbind, 0, 0);
    inject_fault(SystemCall::kGetMempolicy, 0, 0);
  }
  void start(BindMode bind, Observation observation) {
    extents.configure(arena, links, bind, observation);
    for (std::uint32_t node = 0; node < 2; ++node) {
      TierPages tier;
      tier.nodes.add(node);
      extents.add_tier(tier);
    }
  }
  /// Tiers in turn, as the interleave policy wants them.
  Object* striped(StripeOrigin origin = StripeOrigin::kPolicy) {
    Object* object = arena.carve(kBlocks, 1);
    object->size_bytes = std::uint64_t{kBlocks} << kBlockShift;
    for (std::uint32_t i = 0; i < kBlocks; ++i) arena.tiers_of(*object)[i] = (i / 2) % 2;
    extents.follow_kernel_order(*object, origin);
    extents.fit_mappings(*object);
    return object;
  }
  std::uint32_t runs(const Object& object) const {
    return count_runs(arena.tiers_of(object), object.block_count);
  }
  RangePolicy policy(const Object& object, std::uint32_t block) const {
    return os::policy_at(arena.address_of(object.first_block + block));
  }
  void expect_serves(const Object& object) const {
    char* const at = arena.address_of(object.first_block);
    for (std::uint64_t i = 0; i < object.size_bytes; i += 1 << 20) at[i] = 7;
    for (std::uint64_t i = 0; i < object.size_bytes; i += 1 << 20) ASSERT_EQ(at[i], 7);
  }
  void end(Object* object) {
    extents.unmap(*object);
    extents.return_mappings(*object);
    arena.release(*object);
    EXPECT_EQ(extents.mappings().used(), 0u);
  }

  TieredExtents extents;
};

TEST_F(TieredStripe, FollowsTheKernelsOrderWithOneMapping) {
  Object* object = striped();
  ASSERT_EQ(object->order.period, 2);
  EXPECT_EQ(object->mappings, 1u);
  const auto first =
      reinterpret_cast<std::uintptr_t>(arena.address_of(object->first_block)) >> kBlockShift;
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    ASSERT_EQ(arena.tiers_of(*object)[i], (first + i) % 2) << i;
  }
  end(object);
}

TEST_F(TieredStripe, PolicyThatTheKernelNarrowsIsLaidByRange) {
  if (has_node(1)) GTEST_SKIP() << "this machine has node 1, nothing is narrowed";
  Object* object = striped();
  ASSERT_EQ(extents.map_placed(*object), 0);
  EXPECT_EQ(extents.counters().stripes_refused.load(), 1u);
  EXPECT_EQ(extents.counters().kernel_striped_blocks.load(), 0u);
  EXPECT_EQ(extents.counters().bind_refused.load(), kBlocks / 2) << "node 1 has no memory";
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    if (arena.tiers_of(*object)[i] != 0) continue;
    ASSERT_EQ(policy(*object, i).kind, RangePolicy::Kind::kPreferred) << i;
  }
  EXPECT_GE(object->mappings, kBlocks);
  expect_serves(*object);
  end(object);
  Object* next = striped();
  EXPECT_EQ(next->order.period, 0) << "asked once";
  end(next);
}

TEST_F(TieredStripe, EveryRefusalFallsBackToRanges) {
  for (const int error : {EINVAL, EPERM, ENOSYS, ENOMEM}) {
    SCOPED_TRACE(std::strerror(error));
    extents.~TieredExtents();
    new (&extents) TieredExtents;
    start(BindMode::kAdvisory, Observation::kNone);
    Object* object = striped();
    inject_fault(SystemCall::kMbind, 1, error);
    ASSERT_EQ(extents.map_placed(*object), 0);
    EXPECT_EQ(extents.counters().stripes_refused.load(), 1u);
    const std::uint32_t first = arena.tiers_of(*object)[0] == 0 ? 0 : 1;
    EXPECT_EQ(policy(*object, first).kind, RangePolicy::Kind::kPreferred);
    expect_serves(*object);
    end(object);
  }
}

TEST_F(TieredStripe, WithoutReadingBackNothingIsBelieved) {
  Object* object = striped();
  inject_fault(SystemCall::kGetMempolicy, 1, EPERM);
  ASSERT_EQ(extents.map_placed(*object), 0);
  EXPECT_EQ(extents.counters().stripes_refused.load(), 1u);
  expect_serves(*object);
  end(object);
}

TEST_F(TieredStripe, StrictObservedOrUnboundTiersAreLaidByRange) {
  struct Way {
    BindMode bind;
    Observation observation;
  };
  for (const Way way :
       {Way{BindMode::kStrict, Observation::kNone}, Way{BindMode::kOff, Observation::kNone},
        Way{BindMode::kAdvisory, Observation::kBlocks}}) {
    extents.~TieredExtents();
    new (&extents) TieredExtents;
    start(way.bind, way.observation);
    Object* object = striped();
    EXPECT_EQ(object->order.period, 0);
    EXPECT_EQ(object->mappings, kBlocks / 2);
    end(object);
  }
}

TEST_F(TieredStripe, PlansStripeIsTakenOnlyWhenItIsEven) {
  Object* object = striped(StripeOrigin::kPlan);
  EXPECT_EQ(object->order.period, 2);
  end(object);
  object = arena.carve(kBlocks, 1);
  for (std::uint32_t i = 0; i < kBlocks; ++i) arena.tiers_of(*object)[i] = i < kBlocks / 2 ? 1 : 0;
  extents.follow_kernel_order(*object, StripeOrigin::kPlan);
  EXPECT_EQ(object->order.period, 0);
  EXPECT_EQ(runs(*object), 2u);
  arena.release(*object);
}

/// Lines of /proc/self/maps inside an object.
std::uint32_t mappings_of(const Object& object) {
  const auto begin = reinterpret_cast<std::uintptr_t>(arena.address_of(object.first_block));
  std::ifstream maps("/proc/self/maps");
  std::uint32_t count = 0;
  for (std::string line; std::getline(maps, line);) {
    const std::uintptr_t at = std::strtoull(line.c_str(), nullptr, 16);
    if (at >= begin && at < begin + (std::uint64_t{object.block_count} << kBlockShift)) ++count;
  }
  return count;
}

TEST_F(TieredStripe, StripeOfThousandsOfRunsKeepsWithinTheBudget) {
  constexpr std::uint32_t kMany = 16384;  // 32 GiB of address space
  const std::uint32_t allowed = extents.mappings().for_one_object();
  Object* object = arena.carve(kMany, 1);
  ASSERT_NE(object, nullptr);
  std::uint8_t* const tiers = arena.tiers_of(*object);
  for (std::uint32_t i = 0; i < kMany; ++i) tiers[i] = i % 2;
  extents.fit_mappings(*object);
  ASSERT_LT(allowed, kMany) << "vm.max_map_count is larger here than anywhere";
  EXPECT_EQ(extents.counters().coarsened_objects.load(), 1u);
  EXPECT_LE(object->mappings, allowed);
  EXPECT_EQ(std::count(tiers, tiers + kMany, 1), kMany / 2);
  ASSERT_EQ(extents.map_placed(*object), 0);
  EXPECT_LE(mappings_of(*object), object->mappings);
  EXPECT_GT(mappings_of(*object), object->mappings / 2) << "tiers are told apart";
  end(object);
}

TEST_F(TieredStripe, WithoutMappingsLeftNothingBecomesAnObject) {
  std::vector<Object*> objects;
  while (extents.room_for_mappings()) {
    const std::uint32_t blocks = 2 * extents.mappings().for_one_object();
    Object* object = arena.carve(blocks, 1);
    ASSERT_NE(object, nullptr);
    for (std::uint32_t i = 0; i < blocks; ++i) arena.tiers_of(*object)[i] = i % 2;
    extents.fit_mappings(*object);
    ASSERT_GT(object->mappings, 0u);
    objects.push_back(object);
  }
  std::vector<Object*> ordinary;
  int error = 0;
  while (error == 0) {
    Object* object = arena.carve(1, 1);
    ASSERT_NE(object, nullptr);
    error = extents.map_ordinary(*object);
    ordinary.push_back(object);
    ASSERT_LE(ordinary.size(), kMaxTiers + 1) << "the last few";
  }
  EXPECT_EQ(error, ENOMEM) << "the next allocator serves it";
  for (Object* object : ordinary) {
    extents.unmap(*object);
    extents.return_mappings(*object);
    arena.release(*object);
  }
  for (Object* object : objects) {
    extents.return_mappings(*object);
    arena.release(*object);
  }
  EXPECT_EQ(extents.mappings().used(), 0u);
}

TEST_F(TieredStripe, SpilledTailIsARunOfItsOwn) {
  Object* object = arena.carve(kBlocks, 1);
  for (std::uint32_t i = 0; i < kBlocks; ++i) arena.tiers_of(*object)[i] = i % 2;
  extents.follow_kernel_order(*object, StripeOrigin::kPolicy);
  for (std::uint32_t i = kBlocks / 2; i < kBlocks; ++i) arena.tiers_of(*object)[i] = 1;
  extents.fit_mappings(*object);
  EXPECT_LE(object->mappings, 2u);
  std::uint32_t covered = 0;
  extents.for_each_piece(*object, [&](std::uint32_t first, std::uint32_t count, std::uint8_t) {
    EXPECT_EQ(first, object->first_block + covered);
    covered += count;
  });
  EXPECT_EQ(covered, kBlocks);
  end(object);
}

}  // namespace
}  // namespace terrace::extent::tiered_stripe_fault_test
