// SPDX-License-Identifier: Apache-2.0
// What the topology says of single nodes: which tier holds each, and which node of each kind is
// nearest to which CPUs. Last step of discovery, when the tiers stand. Pure; allocates.
#pragma once

#include <vector>

#include <terrace/topology.h>

#include "allocators/topology/machine_facts.h"

namespace terrace {

/// Each node with its tier, and with its tier's kind, which the user's file may state. A node that
/// no numa tier holds keeps the kind that discovery found.
std::vector<Node> describe_nodes(const MachineFacts& facts, const std::vector<Tier>& tiers);

/// Nearest by SLIT distance; then the node whose figures hold for these CPUs, then the one with
/// more bandwidth, then the lower number. A figure is told when the kernel lists these CPUs as its
/// initiator, or when the machine has no others: Linux gives figures from the nearest CPUs only.
std::vector<CpuNode> find_nearest(const MachineFacts& facts, const std::vector<Node>& nodes);

}  // namespace terrace
