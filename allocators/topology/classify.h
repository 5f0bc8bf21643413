// SPDX-License-Identifier: Apache-2.0
// Judges nodes: which kind of memory each is, and which of them form a tier.
// Third step of discovery, between the readers and the user's file. Pure functions; allocates.
#pragma once

#include <string>
#include <vector>

#include <terrace/tier.h>

#include "allocators/topology/machine_facts.h"

namespace terrace {

/// Adds memory that the kernel has counted for the machine but not yet for its nodes.
///
/// Guests that bring their memory up late (deferred initialisation, unaccepted memory) grow a
/// node's MemTotal as pages are first needed: 4 GiB of 24 right after boot, seen on Linux 6.18.
/// What is missing goes to the nodes by what their online blocks have and MemTotal lacks.
void count_late_memory(MachineFacts& facts);

/// One tier per kind of memory, with all nodes of that kind; a node of no known kind is a tier of
/// its own, named after it. Nodes with CPUs are dram. A node made of dax devices is of their kind.
/// Any other is judged against those with CPUs by bandwidth, then latency, then by the kernel's
/// memory tiers. Nodes of a faster memory tier come first, then nearer ones.
std::vector<Tier> tiers_from(const MachineFacts& facts);

/// Order of kinds where figures do not tell: hbm 0, dram, cxl, pmem, file, unknown 5.
int rank_of(TierKind kind);

/// The same judgement, node by node.
std::vector<TierKind> kinds_of(const std::vector<NodeFacts>& nodes);

/// Fastest first: by bandwidth, then latency. A tier whose bandwidth is not known stands after the
/// last one of its kind or a faster kind; the order given decides among equals. Emulated links come
/// after all others, since none is faster than the memory behind it.
void sort_tiers(std::vector<Tier>& tiers);

/// What the tiers leave open, each entry with the way to supply it.
std::vector<std::string> unknowns_of(const std::vector<Tier>& tiers);

/// 16 hex digits: CPU model, nodes, devdax devices and their sizes to the GiB, hashed by FNV-1a.
std::string machine_id_of(const MachineFacts& facts);

/// "0-1,3"
std::string node_list_text(const std::vector<NodeId>& nodes);

}  // namespace terrace
