// SPDX-License-Identifier: Apache-2.0
// The eviction policies for KV blocks by name. The seam that they stand behind is
// allocators/kv/eviction_policy.h; `opt`, which is handed the future, serves as a bound.
// Thread-safe; making a policy allocates.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "allocators/kv/eviction_policy.h"
#include "tiering/policy/kv/recompute_cost.h"

namespace terrace::policy {

using kv::ChainHash;
using kv::kMostKvBlocks;
using kv::kNoSlot;
using kv::KvRequest;
using kv::KvSlot;

/// For each block of each request in order, the number of the next request that wants it.
using KvFuture = std::vector<std::uint32_t>;
inline constexpr std::uint32_t kNeverAgain = ~std::uint32_t{0};

/// What a policy looks after.
enum class KvExtent : std::uint8_t {
  kCache = 0,  ///< all that is cached: what it has not is computed again
  kTier = 1,   ///< one tier of several: what it has not may lie on another
};

/// What a policy is made for.
struct KvPolicySetup {
  std::uint32_t slots = 1;
  /// What `opt` needs, as long as all requests together; the others do not look at it.
  std::shared_ptr<const KvFuture> future = nullptr;
  KvExtent extent = KvExtent::kCache;
  RecomputeCost cost = {};  ///< what `terrace` weighs reuse by; the others do not look at it
};

struct KvPolicySpec {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<kv::EvictionPolicy> (*make)(const KvPolicySetup& setup);
  bool needs_future = false;
};

/// In the order in which they are compared.
std::span<const KvPolicySpec> kv_policies();
/// nullptr when there is none of that name.
const KvPolicySpec* find_kv_policy(std::string_view name);

}  // namespace terrace::policy
