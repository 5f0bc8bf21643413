// SPDX-License-Identifier: Apache-2.0
// How the kernel deals out an object's pages when one interleaving policy covers all of it. A
// stripe that is laid block by block takes one mapping for each run; one that the kernel gives
// takes one in all, so a stripe that the kernel can give is laid in the kernel's order. Between a
// tier's wanted blocks (the runtime's policy, a plan) and their mapping (tiered_extent). Pure
// functions: thread-safe, never allocate.
#pragma once

#include <cstdint>

#include <terrace/units.h>

#include "allocators/os/numa_memory.h"

namespace terrace::extent {

/// The kernel gives a node all of its weight in a row. With huge pages that is a run of whole
/// blocks, and a scan overlaps tiers only when runs are short beside what it reads ahead: longer
/// periods than these 64 MiB are laid by range, more evenly.
inline constexpr std::uint32_t kMaxPeriod = 32;

/// The kernel's order for private anonymous memory: the huge page at `address` comes from the node
/// that turn (address / 2 MiB) mod period names, nodes ascending, each for as many turns as it
/// weighs (get_vma_policy, interleave_nid and weighted_interleave_nid in the kernel's
/// mm/mempolicy.c; held against Linux 6.12 page by page by tests/lab/policy_lab_test.cc). 4 KiB
/// pages take turns by address / 4 KiB: where the kernel has no huge page the same shares hold
/// within a block.
struct KernelOrder {
  std::uint8_t period = 0;  ///< blocks; 0: no such order
  os::Binding binding = os::Binding::kInterleave;
  std::uint8_t tier[kMaxPeriod] = {};

  /// `index` is the block's address / 2 MiB.
  std::uint8_t tier_of(std::uint64_t index) const { return tier[index % period]; }
  std::uint32_t turns_of(std::uint8_t wanted) const;
};

/// A node's weight; 0: unknown. As os::interleave_weight.
using WeightOf = std::uint32_t (*)(std::uint32_t node);

/// The order over all nodes of some tiers: those whose bits are set in `tier_bits`. `weight_of`
/// null: plain interleaving. No order when fewer than two tiers are asked for, one has no node, a
/// node is in two of them, a weight is unknown or the period too long.
KernelOrder kernel_order(const os::NodeMask* nodes_of_tier, std::uint32_t tier_bits,
                         WeightOf weight_of);

/// Which map of blocks is to be compared.
enum class StripeOrigin : std::uint8_t {
  kPolicy,  ///< made from shares: any order of its blocks does as well
  kPlan,    ///< may be made from heat: taken for a stripe only when it is long and even throughout
};

/// Is the map a stripe in the order's shares? It must have four periods (a plan's at least 64
/// blocks), and each tier's blocks must be the order's to within one block, or one in 64 where that
/// is more: less than a block in a period either way. A plan's map must besides hold the shares in
/// each of its prefixes, to within two blocks and one in 64.
bool is_stripe_of(const KernelOrder& order, const std::uint8_t* tiers, std::uint32_t blocks,
                  StripeOrigin origin);

}  // namespace terrace::extent
