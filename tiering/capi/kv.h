// SPDX-License-Identifier: Apache-2.0
// KV-caches of a context: the pools are tensors that nobody moves or frees while the cache is open,
// the blocks in them are the business of allocators/kv/cache.h. Entry points (entry_kv.cc,
// entry_sequence.cc) find a cache or sequence by its handle and call one method of the cache.
// A cache goes when it was closed and the last call has let go of it. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include <terrace/kv.h>

#include "allocators/kv/cache.h"
#include "allocators/kv/prefix_store.h"
#include "tiering/capi/tensor.h"
#include "tiering/policy/kv/kv_policy.h"

namespace terrace::capi {

/// What terrace_kv_open() was asked for, checked.
struct KvPlan {
  kv::Shape shape;
  std::vector<std::string> tiers;     ///< fastest first
  std::vector<std::uint32_t> blocks;  ///< of each
  std::string name;
  const policy::KvPolicySpec* policy = nullptr;
  policy::RecomputeCost cost;
  std::uint32_t max_sequences = 0;
};

terrace_status read_kv_plan(const terrace_kv_options& options, const char* fastest_tier,
                            KvPlan& plan);

struct Kv {
  ~Kv();

  std::uint64_t handle = 0;
  std::vector<std::uint32_t> tier_blocks;
  std::uint64_t all_blocks = 0;
  std::vector<std::shared_ptr<Tensor>> pools;
  std::function<void(const std::shared_ptr<Tensor>&)> free_pool;
  std::unique_ptr<kv::PrefixStore> store;
  std::unique_ptr<kv::Cache> cache;  ///< ends before the store and the pools

  std::mutex naming;
  bool closed = false;                          ///< under naming: no sequence is named any more
  std::unordered_set<std::uint64_t> sequences;  ///< under naming: handles
};
using KvRef = std::shared_ptr<Kv>;

struct KvSequence {
  KvRef kv;
  kv::SequenceRef sequence;  ///< ends before the cache
};
using KvSequenceRef = std::shared_ptr<KvSequence>;

/// The status and text of what the cache refused.
[[nodiscard]] terrace_status status_of(const kv::Outcome& outcome);

}  // namespace terrace::capi
