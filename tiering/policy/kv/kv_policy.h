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

namespace terrace::policy {

using kv::ChainHash;
using kv::kMostKvBlocks;
using kv::kNoSlot;
using kv::KvRequest;
using kv::KvSlot;

/// For each block of each request in order, the number of the next request that wants it.
using KvFuture = std::vector<std::uint32_t>;
inline constexpr std::uint32_t kNeverAgain = ~std::uint32_t{0};

struct KvPolicySpec {
  std::string_view name;
  std::string_view summary;
  /// `future` is what `opt` needs; the others do not look at it.
  std::unique_ptr<kv::EvictionPolicy> (*make)(std::uint32_t slots,
                                              std::shared_ptr<const KvFuture> future);
  bool needs_future = false;
};

/// In the order in which they are compared.
std::span<const KvPolicySpec> kv_policies();
/// nullptr when there is none of that name.
const KvPolicySpec* find_kv_policy(std::string_view name);

}  // namespace terrace::policy
