// SPDX-License-Identifier: Apache-2.0
// Binding and interleaving on real NUMA nodes: pages lie where the policies say, page by page, and
// a program under `terrace run` gets its stripes with few mappings. For machines of the lab with at
// least two nodes; as root, since weights are set in sysfs.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "allocators/extent/kernel_stripe.h"
#include "allocators/extent/mapping_budget.h"
#include "allocators/extent/tiered_extent.h"
#include "tests/lab/page_places.h"
#include "tests/lab/policy_program.h"

namespace terrace::lab {
namespace {

using extent::KernelOrder;
using os::Binding;
using os::Existing;
using os::NodeMask;

constexpr std::size_t kBlock = 2 << 20;

/// Nodes with memory, ascending.
std::vector<std::uint32_t> memory_nodes() {
  std::vector<std::uint32_t> nodes;
  for (std::uint32_t node = 0; node < os::kMaxNodes; ++node) {
    const std::string folder = "/sys/devices/system/node/node" + std::to_string(node);
    if (std::ifstream(folder + "/meminfo").good()) nodes.push_back(node);
  }
  return nodes;
}

std::uint64_t free_bytes(std::uint32_t node) {
  std::ifstream in("/sys/devices/system/node/node" + std::to_string(node) + "/meminfo");
  std::string line;
  while (std::getline(in, line)) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "Node %*d MemFree: %llu", &kib) == 1) return kib << 10;
  }
  return 0;
}

NodeMask mask_of(const std::vector<std::uint32_t>& nodes) {
  NodeMask mask;
  for (const std::uint32_t node : nodes) mask.add(node);
  return mask;
}

std::uint32_t weight_here(std::uint32_t node) {
  return os::interleave_weight("/sys", node);
}

/// 4, 2, 1, 1, ... by ascending node; 1 again when the test is over.
class Weights {
 public:
  Weights() {
    std::uint32_t weight = 4;
    for (const std::uint32_t node : memory_nodes()) {
      write(node, weight);
      if (weight > 1) weight /= 2;
    }
  }
  ~Weights() {
    for (const std::uint32_t node : memory_nodes()) write(node, 1);
  }
  static void write(std::uint32_t node, std::uint32_t weight) {
    std::ofstream("/sys/kernel/mm/mempolicy/weighted_interleave/node" + std::to_string(node))
        << weight << std::flush;
  }
};

/// What the kernel should do with all nodes; tier t is the t-th of them.
KernelOrder expected_order(extent::WeightOf weight_of) {
  NodeMask nodes[extent::kMaxTiers];
  const auto memory = memory_nodes();
  for (std::size_t tier = 0; tier < memory.size(); ++tier) nodes[tier].add(memory[tier]);
  return extent::kernel_order(nodes, (1u << memory.size()) - 1, weight_of);
}

/// Touched memory under one policy over all nodes.
char* interleaved(std::size_t size, Binding binding, int advice) {
  auto* const at = static_cast<char*>(map_aligned(size));
  EXPECT_EQ(madvise(at, size, advice), 0);
  const NodeMask all = mask_of(memory_nodes());
  EXPECT_EQ(os::bind_range(at, Bytes(size), all, binding, Existing::kLeave), 0);
  EXPECT_TRUE(os::policy_at(at).nodes == all) << "the highest node among them";
  for (std::size_t i = 0; i < size; i += kPage) at[i] = 1;
  return at;
}

/// Pages of 4 KiB, or blocks, that are not where the order has them.
std::size_t misplaced(const char* at, std::size_t size, std::size_t unit,
                      const KernelOrder& order) {
  const auto memory = memory_nodes();
  const std::vector<int> nodes = places(at, size);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < size; i += unit) {
    const std::uint64_t index = reinterpret_cast<std::uintptr_t>(at + i) / unit;
    if (nodes[i / kPage] != static_cast<int>(memory[order.tier_of(index)])) ++wrong;
  }
  return wrong;
}

class Policies : public testing::Test {
 protected:
  void SetUp() override {
    if (memory_nodes().size() < 2) GTEST_SKIP() << "one node: there is nothing to spread over";
  }
};

TEST_F(Policies, SmallPagesLieByWeightPageForPage) {
  const Weights weights;
  const KernelOrder order = expected_order(&weight_here);
  ASSERT_GT(order.period, memory_nodes().size()) << "weights are not set";
  const std::size_t size = kBlock * order.period;
  char* const at = interleaved(size, Binding::kWeightedInterleave, MADV_NOHUGEPAGE);
  EXPECT_EQ(misplaced(at, size, kPage, order), 0u);
  const auto count = count_places(places(at, size));
  const auto memory = memory_nodes();
  for (std::size_t tier = 0; tier < memory.size(); ++tier) {
    EXPECT_EQ(count.at(static_cast<int>(memory[tier])) * order.period,
              size / kPage * order.turns_of(static_cast<std::uint8_t>(tier)))
        << "node " << memory[tier];
  }
}

TEST_F(Policies, HugePagesLieByWeightBlockForBlock) {
  const Weights weights;
  const KernelOrder order = expected_order(&weight_here);
  const std::size_t size = kBlock * 3 * order.period;
  char* const at = interleaved(size, Binding::kWeightedInterleave, MADV_HUGEPAGE);
  EXPECT_EQ(misplaced(at, size, kBlock, order), 0u);
}

TEST_F(Policies, PlainInterleavingTakesNodesInTurn) {
  const Weights weights;  // which it does not look at
  const KernelOrder order = expected_order(nullptr);
  const std::size_t size = kBlock * 8 * order.period;
  char* const at = interleaved(size, Binding::kInterleave, MADV_HUGEPAGE);
  EXPECT_EQ(misplaced(at, size, kBlock, order), 0u);
  char* const small = interleaved(4 * kBlock, Binding::kInterleave, MADV_NOHUGEPAGE);
  EXPECT_EQ(misplaced(small, 4 * kBlock, kPage, order), 0u);
}

TEST_F(Policies, BoundPagesLieOnTheirNode) {
  for (const std::uint32_t node : memory_nodes()) {
    for (const Binding binding : {Binding::kPreferred, Binding::kStrict}) {
      auto* const at = static_cast<char*>(map_aligned(2 * kBlock));
      ASSERT_EQ(os::bind_range(at, Bytes(2 * kBlock), mask_of({node}), binding, Existing::kLeave),
                0);
      for (std::size_t i = 0; i < 2 * kBlock; i += kPage) at[i] = 1;
      const auto count = count_places(places(at, 2 * kBlock));
      ASSERT_EQ(count.size(), 1u);
      EXPECT_EQ(count.begin()->first, static_cast<int>(node));
      munmap(at, 2 * kBlock);
    }
  }
}

TEST_F(Policies, PreferredPagesSpillWhenTheirNodeIsFull) {
  const std::uint32_t last = memory_nodes().back();
  const std::size_t size = (free_bytes(last) / kBlock + 16) * kBlock;
  auto* const at = static_cast<char*>(map_aligned(size));
  ASSERT_EQ(os::bind_range(at, Bytes(size), mask_of({last}), Binding::kPreferred, Existing::kLeave),
            0);
  ASSERT_EQ(madvise(at, size, MADV_HUGEPAGE), 0);
  for (std::size_t i = 0; i < size; i += kPage) at[i] = 1;
  const auto count = count_places(places(at, size));
  EXPECT_GT(count.at(static_cast<int>(last)), size / kPage / 2) << "while it had room";
  EXPECT_GT(count.size(), 1u) << "the rest is elsewhere";
  munmap(at, size);
}

TEST_F(Policies, MovingUnderInterleavingLeavesPagesWhereTheyAre) {
  const auto memory = memory_nodes();
  auto* const at = static_cast<char*>(map_aligned(8 * kBlock));
  const Bytes size(8 * kBlock);
  ASSERT_EQ(os::bind_range(at, size, mask_of({memory[0]}), Binding::kStrict, Existing::kLeave), 0);
  for (std::size_t i = 0; i < 8 * kBlock; i += kPage) at[i] = 1;
  ASSERT_EQ(os::bind_range(at, size, mask_of(memory), Binding::kInterleave, Existing::kMove), 0);
  const auto count = count_places(places(at, 8 * kBlock));
  EXPECT_EQ(count.at(static_cast<int>(memory[0])), 8 * kBlock / kPage)
      << "so late placement moves run by run";
}

TEST_F(Policies, NodesThatAreNotThereAreRefusedAndCounted) {
  static constinit extent::Arena arena;
  static constinit backing::LinkEngine links;
  ASSERT_TRUE(arena.open().ok());
  extent::TieredExtents extents;
  extents.configure(arena, links, extent::BindMode::kStrict, extent::Observation::kNone);
  extent::TierPages tier;
  tier.nodes.add(memory_nodes().back() + 1);
  extents.add_tier(tier);
  extent::Object* object = arena.carve(2, 1);
  std::memset(arena.tiers_of(*object), 0, 2);
  ASSERT_EQ(extents.map_placed(*object), 0);
  EXPECT_EQ(extents.counters().bind_refused.load(), 1u);
  arena.address_of(object->first_block)[0] = 1;
  extents.unmap(*object);
}

/// One `terrace run` of policy_program.
struct Placed {
  nlohmann::json said;
  nlohmann::json status;
  std::vector<int> blocks() const { return said.at("blocks").get<std::vector<int>>(); }
};

class UnderTerrace : public Policies {
 protected:
  /// Tiers of one node each in the order of the nodes, with bandwidths of 4, 2, 1, 1, ...
  static std::string tier_file() {
    std::string path = "/tmp/policy-tiers.toml";
    std::ofstream out(path);
    std::uint32_t weight = 4;
    for (const std::uint32_t node : memory_nodes()) {
      out << "[[tier]]\nname = \"n" << node << "\"\nkind = \"dram\"\nnodes = [" << node
          << "]\nbandwidth = \"" << weight * 10 << "GB/s\"\nlatency = \"" << 500 / weight
          << "ns\"\n";
      if (weight > 1) weight /= 2;
    }
    return path;
  }
  static Placed run(const std::string& options, std::uint32_t mib, const char* when) {
    const std::string command = "terrace run --quiet --tiers " + tier_file() +
                                " --status /tmp/policy-status " + options + " -- " + self +
                                " --allocate " + std::to_string(mib) + " " + when;
    Placed made;
    std::FILE* pipe = popen(command.c_str(), "r");
    std::string text;
    std::array<char, 4096> part{};
    while (std::fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
    EXPECT_EQ(pclose(pipe), 0) << command;
    made.said = nlohmann::json::parse(text, nullptr, false);
    std::ifstream status("/tmp/policy-status");
    made.status = nlohmann::json::parse(status, nullptr, false);
    EXPECT_FALSE(made.said.is_discarded()) << text;
    return made;
  }
  /// Blocks that are whole and on the node which the order gives their turn.
  static void expect_order(const Placed& made, const KernelOrder& order) {
    const auto memory = memory_nodes();
    const auto blocks = made.blocks();
    const auto index = made.said.at("index").get<std::uint64_t>();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_EQ(blocks[i], static_cast<int>(memory[order.tier_of(index + i)])) << "block " << i;
    }
  }
  static std::uint32_t runs(const std::vector<int>& blocks) {
    std::uint32_t count = 1;
    for (std::size_t i = 1; i < blocks.size(); ++i) count += blocks[i] != blocks[i - 1] ? 1 : 0;
    return count;
  }

 public:
  static inline std::string self;
};

TEST_F(UnderTerrace, WeightedPolicyIsOneMappingWhenTheKernelsWeightsGiveIt) {
  const Weights weights;
  const KernelOrder order = expected_order(&weight_here);
  const Placed made = run("--policy weighted --late-size 0", order.period * 8, "early");
  expect_order(made, order);
  EXPECT_EQ(made.said.at("mappings"), 1);
  EXPECT_EQ(made.status.at("kernel_striped_blocks"), order.period * 4);
  EXPECT_EQ(made.status.at("stripes_refused"), 0);
}

TEST_F(UnderTerrace, WeightedPolicyIsLaidByRangeWhenTheyDoNot) {
  const std::uint32_t mib = expected_order(nullptr).period * 24;
  const Placed made = run("--policy weighted --late-size 0", mib, "early");
  const auto blocks = made.blocks();
  EXPECT_EQ(made.status.at("kernel_striped_blocks"), 0);
  EXPECT_EQ(made.said.at("mappings"), runs(blocks));
  // 4 : 2 : 1 : 1 ..., each to within two blocks.
  double sum = 0;
  double weight = 4;
  for (std::size_t i = 0; i < memory_nodes().size(); ++i) sum += i < 3 ? 4 >> i : 1;
  for (const std::uint32_t node : memory_nodes()) {
    const auto pages = made.said.at("nodes").at(std::to_string(node)).get<double>();
    EXPECT_NEAR(pages * kPage / kBlock, weight / sum * mib / 2, 2.0) << "node " << node;
    if (weight > 1) weight /= 2;
  }
}

TEST_F(UnderTerrace, InterleavePolicyIsOneMapping) {
  const KernelOrder order = expected_order(nullptr);
  const Placed made = run("--policy interleave --late-size 0", order.period * 16, "early");
  expect_order(made, order);
  EXPECT_EQ(made.said.at("mappings"), 1);
}

TEST_F(UnderTerrace, LatePlacementMovesEachBlockToItsTurn) {
  const KernelOrder order = expected_order(nullptr);
  const Placed made = run("--policy interleave --late-size 512M", order.period * 16, "late");
  EXPECT_EQ(made.status.at("placed_late"), 1);
  expect_order(made, order);
  EXPECT_EQ(made.said.at("mappings"), 1) << "runs merge under their last policy";
}

TEST_F(UnderTerrace, StrictBindingIsLaidByRange) {
  const Placed made = run("--policy interleave --bind strict --late-size 0",
                          expected_order(nullptr).period * 16, "early");
  const auto blocks = made.blocks();
  EXPECT_EQ(made.said.at("mappings"), runs(blocks));
  EXPECT_EQ(made.status.at("kernel_striped_blocks"), 0);
  EXPECT_EQ(made.status.at("bind_refused"), 0);
  const auto count = made.said.at("nodes");
  for (const std::uint32_t node : memory_nodes()) {
    EXPECT_EQ(count.at(std::to_string(node)), 8 * kBlock / kPage) << "node " << node;
  }
}

}  // namespace
}  // namespace terrace::lab

int main(int count, char** arguments) {
  if (count == 4 && std::strcmp(arguments[1], "--allocate") == 0) {
    return terrace::lab::policy_program(arguments + 2);
  }
  testing::InitGoogleTest(&count, arguments);
  terrace::lab::UnderTerrace::self = arguments[0];
  return RUN_ALL_TESTS();
}
