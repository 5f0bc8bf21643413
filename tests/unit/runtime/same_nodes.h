// SPDX-License-Identifier: Apache-2.0
// Compares the preload library's own view of the nodes with discovery's. For tests; allocates.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include <terrace/topology.h>

#include "tiering/runtime/own_nodes.h"

namespace terrace::runtime {

/// Same nodes, same kinds, and figures where both have them.
inline void expect_same_nodes(const std::string& sysfs_root) {
  DiscoveryOptions options;
  options.sysfs_root = sysfs_root;
  const auto topology = discover_topology(options);
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  const OwnNode* const own = read_own_nodes(sysfs_root.c_str());
  std::size_t compared = 0;
  for (const Node& node : topology->nodes) {
    const OwnNode& mine = own[raw(node.id)];
    SCOPED_TRACE(sysfs_root + ", node " + std::to_string(raw(node.id)));
    EXPECT_NE(mine.bytes, 0u);
    EXPECT_STREQ(name_of(mine.kind), name_of(node.kind));
    EXPECT_EQ(mine.has_cpu, node.has_cpu);
    EXPECT_EQ(mine.memory_tier, node.memory_tier ? *node.memory_tier + 1u : 0u);
    if (mine.bandwidth_mbps != 0) {
      EXPECT_DOUBLE_EQ(static_cast<double>(mine.bandwidth_mbps) / 1000,
                       node.read_bandwidth.value.value);
    }
    if (mine.latency_ns != 0) {
      EXPECT_EQ(mine.latency_ns, node.read_latency.value.value);
    }
    ++compared;
  }
  EXPECT_GT(compared, 0u);
}

}  // namespace terrace::runtime
