// SPDX-License-Identifier: Apache-2.0
// The C API's functions on KV-caches: checks, and one call each.
#include <algorithm>
#include <iterator>

#include "tiering/capi/entry.h"

namespace terrace::capi {
namespace {

void add_store(const kv::PrefixStore* store, terrace_kv_info& info) {
  if (store == nullptr) return;
  const kv::StoreStats stats = store->stats();
  info.stored_blocks = stats.blocks;
  info.store_capacity_blocks = stats.capacity_blocks;
  info.restoring = stats.restoring ? 1 : 0;
  info.corrupt_blocks = stats.corrupt;
  info.kept_blocks = stats.written;
}

terrace_kv_info info_of(const Kv& cache) {
  terrace_kv_info info{};
  const kv::CacheFacts facts = cache.cache->facts();
  info.tier_count = static_cast<std::uint32_t>(cache.tier_blocks.size());
  info.base = cache.cache->base();
  info.block_bytes = cache.cache->shape().block_bytes().value;
  std::copy(cache.tier_blocks.begin(), cache.tier_blocks.end(), info.tier_blocks);
  std::copy(facts.used_blocks.begin(), facts.used_blocks.end(), info.used_blocks);
  std::copy(facts.cached_blocks.begin(), facts.cached_blocks.end(), info.cached_blocks);
  std::copy(facts.hit_blocks.begin(), facts.hit_blocks.end(), info.hit_blocks);
  info.promised_blocks = facts.promised_blocks;
  info.sequences = facts.sequences;
  info.paused_sequences = facts.paused_sequences;
  info.looked_up_blocks = facts.looked_up_blocks;
  info.store_hit_blocks = facts.store_hit_blocks;
  info.evicted_blocks = facts.evicted_blocks;
  info.demoted_blocks = facts.demoted_blocks;
  info.promoted_blocks = facts.promoted_blocks;
  info.spilled_blocks = facts.spilled_blocks;
  info.copied_blocks = facts.copied_blocks;
  info.refused_sequences = facts.refused_sequences;
  info.lost_blocks = facts.lost_blocks;
  info.waited_ns = facts.waited.value;
  info.prefetch_ns = facts.prefetched.value;
  info.store_failed = facts.store_failed ? 1 : 0;
  add_store(cache.store.get(), info);
  return info;
}

}  // namespace
}  // namespace terrace::capi

using namespace terrace::capi;  // NOLINT(google-build-using-namespace): their C face

terrace_status terrace_kv_open(terrace_context context, const terrace_kv_options* options,
                               terrace_kv* cache) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    if (cache == nullptr) return fail_null("terrace_kv_open: cache");
    terrace_kv_options known{};
    terrace_status done = read_struct(options, "terrace_kv_options", known);
    std::uint64_t handle = 0;
    if (done == TERRACE_OK) done = inside.open_kv(known, handle);
    if (done == TERRACE_OK) cache->id = handle;
    return done;
  });
}

terrace_status terrace_kv_close(terrace_kv cache) {
  return in_context(cache, [&](Context& inside) { return inside.close_kv(cache.id); });
}

terrace_status terrace_kv_get(terrace_kv cache, terrace_kv_info* info) {
  return with(cache, [&](Context&, const KvRef& inside) -> terrace_status {
    return write_struct(info_of(*inside), "terrace_kv_info", info);
  });
}

terrace_status terrace_kv_set_limit(terrace_kv cache, uint32_t tenant, uint64_t blocks) {
  return with(cache, [&](Context&, const KvRef& inside) -> terrace_status {
    inside->cache->set_limit(tenant, blocks);
    return TERRACE_OK;
  });
}

terrace_status terrace_kv_match(terrace_kv cache, const terrace_token* tokens, uint64_t count,
                                uint64_t salt, uint64_t* matched) {
  return with(cache, [&](Context&, const KvRef& inside) -> terrace_status {
    if (matched == nullptr) return fail_null("terrace_kv_match: matched");
    if (tokens == nullptr && count != 0) return fail_null("terrace_kv_match: tokens");
    // One token beyond all blocks changes nothing: more cannot match, and is not read.
    const std::uint64_t most = inside->all_blocks * inside->cache->shape().block_tokens + 1;
    *matched = inside->cache->match({tokens, std::min(count, most)}, salt);
    return TERRACE_OK;
  });
}

terrace_status terrace_kv_step(terrace_kv cache) {
  return with(cache, [](Context&, const KvRef& inside) -> terrace_status {
    inside->cache->step();
    return TERRACE_OK;
  });
}

terrace_status terrace_kv_lose(terrace_kv cache, const void* address) {
  return with(cache, [&](Context&, const KvRef& inside) -> terrace_status {
    return status_of(inside->cache->lose(address));
  });
}
