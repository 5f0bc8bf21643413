// SPDX-License-Identifier: Apache-2.0
// A topology for people, in lines of at most 100 characters unless a path is long. Behind
// terrace topo. Thread-safe; allocates.
#pragma once

#include <string>

#include <terrace/topology.h>

namespace terrace::cli {

/// Tiers with the source of each figure, what was measured, nodes, the nearest node of each kind
/// for each socket, tiers on request with how to use them, and what is not known.
std::string topology_text(const Topology& topology);

}  // namespace terrace::cli
