// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/kv.h"

#include <algorithm>
#include <utility>

#include "tiering/capi/context.h"

namespace terrace::capi {
namespace {

/// Bytes of a tier's tensor; 0: more than a number holds. One block more than asked for where its
/// start may have to be shifted to lie a whole number of blocks from the others.
std::uint64_t pool_bytes(const KvPlan& plan, std::size_t tier) {
  const std::uint64_t block = plan.shape.block_bytes().value;
  const bool shifts = plan.tiers.size() > 1 && kBlockBytes.value % block != 0;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(std::uint64_t{plan.blocks[tier]} + (shifts ? 1 : 0), block, &bytes)) {
    return 0;
  }
  return bytes;
}

terrace_status place_pools(const KvPlan& plan, const Kv& cache, std::vector<kv::TierPool>& pools) {
  const std::uint64_t block = plan.shape.block_bytes().value;
  std::uintptr_t base = ~std::uintptr_t{0};
  const auto at = [](const TensorRef& tensor) {
    return reinterpret_cast<std::uintptr_t>(tensor->address);
  };
  for (const TensorRef& pool : cache.pools) base = std::min(base, at(pool));
  for (std::size_t i = 0; i < cache.pools.size(); ++i) {
    const std::uint64_t first = (at(cache.pools[i]) - base + block - 1) / block;
    if (first + plan.blocks[i] >= ~std::uint32_t{0}) {
      return fail(TERRACE_NO_ROOM,
                  "the pools lie more than 2^32 blocks of %llu bytes apart; use larger blocks, or "
                  "one tier",
                  static_cast<unsigned long long>(block));
    }
    pools.push_back({reinterpret_cast<std::byte*>(base + first * block), plan.blocks[i]});
  }
  return TERRACE_OK;
}

terrace_status open_store(const terrace_kv_options& options, const KvPlan& plan, Kv& cache) {
  if (options.store_path == nullptr) return TERRACE_OK;
  kv::StoreOptions store;
  store.path = options.store_path;
  store.size = Bytes(options.store_bytes);
  store.shape = plan.shape;
  store.identity = options.identity;
  auto opened = kv::PrefixStore::open(store);
  if (!opened) return fail(opened.error());
  cache.store = std::move(*opened);
  return TERRACE_OK;
}

terrace_status make_cache(const KvPlan& plan, std::vector<kv::TierPool> pools, Kv& cache) {
  kv::CacheOptions options;
  options.shape = plan.shape;
  options.tiers = std::move(pools);
  options.max_sequences = plan.max_sequences;
  const auto extent = plan.tiers.size() > 1 ? policy::KvExtent::kTier : policy::KvExtent::kCache;
  options.make_policy = [spec = plan.policy, cost = plan.cost, extent](std::uint32_t blocks) {
    return spec->make({.slots = blocks, .extent = extent, .cost = cost});
  };
  options.store = cache.store.get();
  if (cache.store != nullptr) options.hash_seed = cache.store->hash_seed();
  auto made = kv::Cache::create(std::move(options));
  if (!made) return fail(made.error());
  cache.cache = std::move(*made);
  return TERRACE_OK;
}

}  // namespace

Kv::~Kv() {
  cache.reset();
  store.reset();
  for (const std::shared_ptr<Tensor>& pool : pools) free_pool(pool);
}

terrace_status status_of(const kv::Outcome& outcome) {
  static constexpr terrace_status kStatuses[] = {
      TERRACE_OK,   TERRACE_NO_ROOM, TERRACE_LIMIT,     TERRACE_BAD_ARGUMENT,
      TERRACE_BUSY, TERRACE_BUSY,    TERRACE_BAD_HANDLE};
  if (outcome.ok()) return TERRACE_OK;
  return fail(kStatuses[static_cast<std::size_t>(outcome.refusal)], "%s", outcome.text);
}

terrace_status Context::take_kv_pools(const KvPlan& plan, std::vector<kv::TierPool>& pools,
                                      Kv& cache) {
  cache.pools.reserve(plan.tiers.size());
  for (std::size_t i = 0; i < plan.tiers.size(); ++i) {
    terrace_tensor_options options{};
    options.struct_size = sizeof options;
    options.kind = TERRACE_KV;
    options.bytes = pool_bytes(plan, i);
    options.name = plan.name.c_str();
    options.tier = plan.tiers[i].c_str();
    options.flags = TERRACE_TENSOR_STRICT;
    if (options.bytes == 0) {
      return fail(TERRACE_NO_ROOM, "%u blocks on tier %s are more bytes than a number holds",
                  plan.blocks[i], options.tier);
    }
    TensorRef pool;
    const terrace_status made = allocate(options, Naming::kHandle, pool);
    if (made != TERRACE_OK) return made;
    pool->owned = true;
    cache.pools.push_back(pool);
    if (const terrace_status pinned = pin(pool); pinned != TERRACE_OK) return pinned;
  }
  return place_pools(plan, cache, pools);
}

terrace_status Context::open_kv(const terrace_kv_options& options, std::uint64_t& handle) {
  KvPlan plan;
  terrace_status done = read_kv_plan(options, memory_->topology.tiers.front().name.c_str(), plan);
  if (done != TERRACE_OK) return done;
  auto cache = std::make_shared<Kv>();
  cache->free_pool = [this](const TensorRef& pool) {
    pool->owned = false;
    (void)unpin(pool);
    (void)free(pool);
  };
  cache->tier_blocks = plan.blocks;
  for (const std::uint32_t blocks : plan.blocks) cache->all_blocks += blocks;
  std::vector<kv::TierPool> pools;
  done = open_store(options, plan, *cache);
  if (done == TERRACE_OK) done = take_kv_pools(plan, pools, *cache);
  if (done == TERRACE_OK) done = make_cache(plan, std::move(pools), *cache);
  if (done != TERRACE_OK) {
    // Ends with the text of what went wrong, not of what giving back says.
    const std::string text = last_failure();
    cache.reset();
    return fail(done, "%s", text.c_str());
  }
  cache->handle = caches_.add(cache);
  if (cache->handle == 0) {
    return fail(TERRACE_NO_MEMORY, "%u KV-caches are open, more a context cannot name", kMaxSlots);
  }
  handle = cache->handle;
  return TERRACE_OK;
}

terrace_status Context::name_sequence(const KvRef& cache, kv::SequenceRef sequence,
                                      std::uint64_t& handle) {
  auto named = std::make_shared<KvSequence>(KvSequence{cache, std::move(sequence)});
  const std::lock_guard lock(cache->naming);
  if (cache->closed) return fail(TERRACE_BAD_HANDLE, "another thread has closed the KV-cache");
  const std::uint64_t added = sequences_.add(std::move(named));
  if (added == 0) {
    return fail(TERRACE_NO_MEMORY, "%u sequences have a handle; end some", kMaxSlots);
  }
  try {
    cache->sequences.insert(added);
  } catch (...) {
    sequences_.remove(added);
    throw;
  }
  handle = added;
  return TERRACE_OK;
}

terrace_status Context::end_sequence(std::uint64_t handle) {
  const KvSequenceRef ended = sequences_.remove(handle);
  if (ended == nullptr) return fail_ended(handle, HandleKind::kSequence);
  {
    const std::lock_guard lock(ended->kv->naming);
    ended->kv->sequences.erase(handle);
  }
  return status_of(ended->kv->cache->end(*ended->sequence));
}

void Context::forget_sequences(Kv& cache) {
  std::unordered_set<std::uint64_t> handles;
  {
    const std::lock_guard lock(cache.naming);
    cache.closed = true;
    handles.swap(cache.sequences);
  }
  for (const std::uint64_t handle : handles) sequences_.remove(handle);
}

terrace_status Context::close_kv(std::uint64_t handle) {
  const KvRef cache = caches_.remove(handle);
  if (cache == nullptr) return fail_ended(handle, HandleKind::kKv);
  forget_sequences(*cache);
  return TERRACE_OK;
}

}  // namespace terrace::capi
