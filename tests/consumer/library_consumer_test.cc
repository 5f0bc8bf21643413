// SPDX-License-Identifier: Apache-2.0
#include <memory_resource>
#include <vector>

#include <gtest/gtest.h>
#include <terrace/memory_resource.h>
#include <terrace/topology.h>

namespace {

TEST(Library, DiscoversThisMachineAndAllocatesFromItsFirstTier) {
  const auto topology = terrace::discover_topology({});
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  ASSERT_FALSE(topology->tiers.empty());
  auto memory = terrace::TierMemoryResource::create(topology->tiers.front());
  ASSERT_TRUE(memory.ok()) << memory.error().message;
  std::pmr::vector<int> numbers(100000, 7, memory->get());
  EXPECT_EQ(numbers[99999], 7);
}

TEST(Library, GivesErrorsAcrossTheBoundary) {
  terrace::DiscoveryOptions options;
  options.tiers_file = "/nonexistent/tiers.toml";
  const auto topology = terrace::discover_topology(options);
  ASSERT_FALSE(topology.ok());
  EXPECT_NE(std::string(topology.error().message).find("/nonexistent/tiers.toml"),
            std::string::npos);
}

}  // namespace
